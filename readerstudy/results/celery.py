"""The Celery application of workers that compute reports: no torch. `celery -A readerstudy.results worker -Q reports`."""

from readerstudy.celery import application

app = application("readerstudy.results.tasks")
