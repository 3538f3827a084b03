"""What the management commands on a study share."""

from collections.abc import Sequence

from django.core.management.base import CommandError

from readerstudy.studies.models import Image, Study


def study_named(slug: str) -> Study:
    """The study of a command's argument. Raises CommandError with the slugs there are."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        slugs = ", ".join(Study.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no study {slug!r}. The studies are: {slugs}.")
    return study


def images_named(study: Study, names: Sequence[str]) -> list[Image]:
    """The images of a command's arguments. Raises CommandError with the names that the study does not know."""
    images = list(study.images.filter(name__in=names))
    if unknown := sorted(set(names) - {image.name for image in images}):
        raise CommandError(f"{study.slug} has no image {', '.join(unknown)}. Nothing was changed.")
    return images
