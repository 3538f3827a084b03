"""Celery's pool of this application: computing processes that share nothing, watched by the process that takes tasks.

Celery's own pool passes tasks through queues with a lock that all its processes share. A process that is killed while
it waits for a task, as the kernel does when memory is short, dies with that lock in its hands: its successor waits for
ever, and the main process goes on as if nothing had happened. Here each process has a pipe of its own and no lock. The
parent (`watch`) replaces it when it ends, is silent or takes too long; the process (`process`) ends with its parent.
"""

from readerstudy.work.pool.watch import TaskPool

__all__ = ["TaskPool"]
