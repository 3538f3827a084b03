"""What every process of the application does before it uses database and broker."""

from django.conf import settings

from readerstudy.lib.broker import broker_settings, ensure_broker_ready
from readerstudy.lib.postgres import ensure_running


def ensure_services() -> None:
    """Start or join the embedded database where it is used, and make sure that the broker can take tasks.

    Needed by whoever sends tasks too, not only by workers: a study may be prepared before the first worker starts.
    """
    ensure_running(settings.DATA_DIR)
    ensure_broker_ready(broker_settings(settings.DATABASES["default"]))
