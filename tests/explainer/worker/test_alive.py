"""A real worker that explains and scores: whatever of it dies, work goes on, or the page says that nobody is there."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import pytest
from celery import Celery
from django.conf import settings
from django.db import connection
from django.urls import reverse

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import explanations_request
from readerstudy.studies.models import Membership, Prediction, Scoring, Study
from readerstudy.studies.services import scores_request
from readerstudy.work import pulse, sending
from readerstudy.work.broker import broker_settings, ensure_broker_ready
from readerstudy.work.models import Worker
from tests.explainer.models import write_pair
from tests.factories.people import member_make
from tests.factories.studies import NOW, make_cases, make_image, make_study
from tests.lib.helpers import celery_worker, python_environment, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

TARGETS = ["Effusion", "Mass"]
BEAT = 3


def environment_of(database: dict[str, object], folder: Path) -> dict[str, str]:
    """What a worker needs to work on the database of this test, in a hurry."""
    user, host, port = database["USER"], quote(str(database["HOST"] or ""), safe=""), database["PORT"] or ""
    password = f":{quote(str(database['PASSWORD']))}" if database["PASSWORD"] else ""
    return python_environment(
        DATABASE_URL=f"postgresql://{user}{password}@/{database['NAME']}?host={host}"
        + (f"&port={port}" if port else ""),
        READERSTUDY_DATA=str(folder),
        MEDIA_ROOT=str(settings.MEDIA_ROOT),
        SECRET_KEY="of-a-test",
        READERSTUDY_BEAT_SECONDS=str(BEAT),
        OMP_NUM_THREADS="1",
        EXPLAINER_THREADS="1",
    )


def study_of(pair: str, *, cases: bool) -> Study:
    study = make_study()
    if cases:
        make_cases(study)
    parameters = {"integrated_gradients": {"steps": 4}, "latent_shift": {"frames": 4}, "display_size": 64}
    Study.objects.filter(pk=study.pk).update(classifier=pair, autoencoder=pair, parameters=parameters, targets=TARGETS)
    study.refresh_from_db()
    return study


@pytest.mark.django_db(transaction=True)
def test_work_goes_on_and_a_stopped_worker_is_said_to_be_gone(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "ALIVE", timedelta(seconds=3 * BEAT))
    broker = broker_settings(connection.settings_dict)
    ensure_broker_ready(broker)
    sender = Celery("sender")  # the settings know the database beside which that of the tests was made
    sender.config_from_object(broker, namespace="CELERY")
    monkeypatch.setattr(sending, "sender", sender)
    pair = str(write_pair(tmp_path / "pair"))
    scored, explained = study_of(pair, cases=False), study_of(pair, cases=True)
    images = [make_image(scored) for _ in range(40)]
    client.force_login(member_make(explained, Membership.Role.COORDINATOR).user)
    log = tmp_path / "worker.log"

    def page() -> str:
        return client.get(reverse("study_detail", args=[explained.slug])).text

    with celery_worker("readerstudy", "gpu,cpu", environment_of(connection.settings_dict, tmp_path), log) as worker:
        main = psutil.Process(worker.pid)
        wait_for(Worker.objects.exists, seconds=60, what="the worker's first sign of life")

        (idle,) = main.children()
        idle.kill()
        scores_request(study=scored, now=NOW)
        running = Scoring.objects.filter(status="running")
        wait_for(running.exists, seconds=60, what="scoring after the death of the idle process")
        (busy,) = main.children()
        busy.kill()
        wait_for(lambda: not Scoring.objects.exclude(status="done").exists(), seconds=60, what="all scores")
        assert Prediction.objects.filter(image__study=scored).count() == len(images) * len(TARGETS)

        explanations_request(study=explained, now=NOW)
        wait_for(Explanation.objects.filter(status="running").exists, seconds=60, what="explaining")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] > 0
        wait_for(lambda: not Explanation.objects.exclude(status="done").exists(), seconds=60, what="all explanations")

        wait_for(lambda: "1 worker alive" in page(), seconds=60, what="the page's word of the worker")
        os.kill(worker.pid, signal.SIGSTOP)
        Explanation.objects.filter(case__number=1).update(status="pending")
        wait_for(lambda: "No worker is alive" in page(), seconds=60, what="the page's word of the stopped worker")
        os.kill(worker.pid, signal.SIGCONT)
        wait_for(lambda: not Explanation.objects.exclude(status="done").exists(), seconds=60, what="what waited")
        wait_for(lambda: "1 worker alive" in page(), seconds=60, what="the page's word of the worker")
    wait_for(lambda: "No worker is" in page(), seconds=60, what="the page's word of the killed worker")
    sender.close()
