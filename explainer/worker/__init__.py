"""The engine as a Celery worker: the only package of `explainer` that knows Celery, Django and the application."""
