"""The Celery application of workers without torch: `celery -A readerstudy.results worker -Q reports`."""

from readerstudy.celery import application

app = application("readerstudy.results.tasks")
