"""Statistics of reader studies on plain data frames: no Django, no Celery, no torch."""
