"""Workers report themselves, so that commands and pages know whether anyone is there."""

from datetime import datetime

from readerstudy.work import pulse
from readerstudy.work.models import Worker


def workers_alive(*, now: datetime, queue: str) -> list[Worker]:
    """Workers of a queue that were seen lately."""
    seen = Worker.objects.filter(seen_at__gt=now - pulse.ALIVE).order_by("name")
    return [worker for worker in seen if queue in worker.queues.split(",")]


def worker_seen(*, name: str, queues: str, host: str, pid: int, now: datetime) -> Worker:
    """A sign of life of a worker process; the first one, or the first of a new process under the name, starts it."""
    worker, new = Worker.objects.get_or_create(
        name=name, defaults={"queues": queues, "host": host, "pid": pid, "started_at": now, "seen_at": now}
    )
    if not new:
        if worker.pid != pid:
            worker.started_at = now
        worker.queues, worker.host, worker.pid, worker.seen_at = queues, host, pid, now
        worker.save(update_fields=["queues", "host", "pid", "started_at", "seen_at"])
    return worker


def worker_gone(*, name: str) -> None:
    """A worker that ends in order says so."""
    Worker.objects.filter(name=name).delete()
