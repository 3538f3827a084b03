"""A report: built from its sections, drawn, written as files and typeset as documents."""
