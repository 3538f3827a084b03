"""Tools that know nothing of studies, nor of the work on them: no model, no table of theirs, no word of the field.

PostgreSQL started and stopped by the application, append-only tables, processes that live and end together, files in
the media folder, orders drawn by a key, the clock that all hosts share, progress on a terminal, text that no database
can hold. What knows Celery and its broker is in `readerstudy.work`.
"""
