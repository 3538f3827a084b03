"""Leased work: rows that workers compute, each held by one of them at a time; what is computed, other apps say.

A piece of work is a row. A message in a queue only says which row to look at; a worker claims it by a lease, extends
the lease by a heartbeat while it computes, and stores a result or an error. Who falls silent loses the row: a living
worker sends it again at its beat. So a message may come twice or never, and every row still ends once.

Explanations, scores and reports are kinds of it. Another needs a model, one object and one function:

    class Experiment(Leased):                       # models.py: what it is about; who works on it is in `Leased`
        ...

    EXPERIMENTING = Kind(                           # services: whoever asks for one creates rows, then .send(rows)
        model=Experiment, queue=GPU, task="explainer.worker.tasks.run_experiment", verb="run", noun="experiment",
        job=...,                                    # what a worker gets of a claimed row
        store=...,                                  # keeps a result for who still holds the row: `held`, `finish`
    )

    COMPUTING = Computing(kind=EXPERIMENTING, compute=...)   # a module of tasks that the queue's worker loads

    @leased_task(EXPERIMENTING)
    def run_experiment(key: str) -> str:
        return next(iter(COMPUTING.work(key).values()), "nothing to do")

Claim, heartbeat, takeover, another try after a fault that passes, giving up and sending again are then there; so are
what a row waits for (`Leased.waits`, `lease.postponed`) and, for a command that waits, `Workforce`. tests/work/sums is
such a kind. `models` holds the rows, `kinds` what a kind is, `frame` what a worker does with one; `beat`, `workers` and
`workforce` are about who is alive, `queues`, `sending`, `broker`, `pgmq` and `pool` about Celery below.
"""
