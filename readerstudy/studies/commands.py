"""What the management commands on a study share."""

from django.core.management.base import CommandError

from readerstudy.studies.models import Study


def study_named(slug: str) -> Study:
    """The study of a command's argument. Raises CommandError with the slugs there are."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        slugs = ", ".join(Study.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no study {slug!r}. The studies are: {slugs}.")
    return study
