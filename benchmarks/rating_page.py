"""Server time of the rating page and its pictures, on a study of this data folder.

    python -m benchmarks.rating_page SLUG [--pages 50]

Asks the application itself, without a network, for every part of the first cases of the study's first reader, who must
be in period 1, and prints the median and the 95th percentile in milliseconds: per page (the HTML), and per case (HTML
and all pictures).
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")
os.environ["READERSTUDY_HTTPS"] = "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slug")
    parser.add_argument("--pages", type=int, default=50)
    options = parser.parse_args()

    import django

    django.setup()
    from django.test import Client
    from django.urls import reverse

    from readerstudy.reading.models import Reading
    from readerstudy.startup import ensure_services

    ensure_services()
    readings = Reading.objects.filter(allocation__membership__study__slug=options.slug, period__number=1)
    first = readings.order_by("allocation", "position").first()
    if first is None:
        parser.error(f"{options.slug} has no allocated reader in this data folder.")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(first.allocation.membership.user)
    pages, cases = [], []
    for reading in readings.filter(allocation=first.allocation).order_by("position")[: options.pages]:
        address = reverse("reading_case", args=[reading.id])
        start = time.perf_counter()
        response = client.get(address)
        pages.append(time.perf_counter() - start)
        if response.status_code != 200:
            parser.error(f"{address} answers {response.status_code}: open the study to its reader first.")
        for asset in sorted(set(re.findall(rf"{re.escape(address)}assets/[\w.]+", response.text))):
            b"".join(client.get(asset))
        cases.append(time.perf_counter() - start)
    print(f"{len(pages)} cases, milliseconds: median, 95th percentile")
    for name, seconds in (("page", pages), ("page and pictures", cases)):
        cuts = statistics.quantiles(seconds, n=20)
        print(f"{name:<18} {statistics.median(seconds) * 1000:7.1f} {cuts[-1] * 1000:7.1f}")


if __name__ == "__main__":
    main()
