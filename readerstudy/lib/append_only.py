"""Tables to which rows are only ever added: the database itself refuses to change, delete or truncate them."""

import re

from django.db import migrations

# One function for all tables. TRUNCATE can be allowed for a database or session that holds nothing worth keeping (the
# tests' database sets readerstudy.allow_truncate = 'on'); UPDATE and DELETE never can.
_FUNCTION = """
CREATE OR REPLACE FUNCTION readerstudy_append_only() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('readerstudy.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Add a row that says what changed.';
END
$body$;
"""


def append_only(table: str) -> migrations.RunSQL:
    """The migration operation that makes this table append-only."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", table):
        raise ValueError(f"{table!r} is no name of a table.")
    return migrations.RunSQL(
        sql=f"""{_FUNCTION}
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION readerstudy_append_only();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION readerstudy_append_only();
""",
        reverse_sql=f"""
DROP TRIGGER IF EXISTS {table}_append_only ON {table};
DROP TRIGGER IF EXISTS {table}_no_truncate ON {table};
""",
    )
