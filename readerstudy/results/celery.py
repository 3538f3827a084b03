"""The Celery application of workers without torch: `celery -A readerstudy.results worker -Q reports`."""

from readerstudy.celery import application

app = application("readerstudy.results.celery", "readerstudy.results.tasks")
# Of a large study a report takes gigabytes; a new process for each gives them back.
app.conf.worker_max_tasks_per_child = 1
