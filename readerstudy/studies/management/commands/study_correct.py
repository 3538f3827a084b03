"""`manage.py study_correct SLUG IMAGE --finding Mass=negative --age 57 --reason TEXT`: corrects what is stored."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from explainer.catalogue.findings import State, folded
from readerstudy.studies.commands import study_named
from readerstudy.studies.import_tables import BoxRow, RowError, age_of, sex_of
from readerstudy.studies.models import Image, Study
from readerstudy.studies.services import CorrectionOrder, Facts, StudyError, image_correct
from readerstudy.studies.services.annotations import box_drawn
from readerstudy.studies.services.corrections import Decision, Drawing
from readerstudy.studies.vocabulary import vocabulary_of

_BOX = 4  # x, y, width, height


class Command(BaseCommand):
    help = "Corrects labels, boxes and facts of one image; what was before is kept in the study's record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("image", help="its name, as in labels.csv")
        parser.add_argument(
            "--finding", action="append", default=[], metavar="NAME=STATE", help=f"STATE is {', '.join(State)}"
        )
        parser.add_argument(
            "--box", action="append", default=[], metavar="NAME=X,Y,WIDTH,HEIGHT",
            help="in pixels of the file; all boxes of a finding must be given, those that are stored go",
        )  # fmt: skip
        parser.add_argument("--no-box", action="append", default=[], metavar="NAME", help="removes what is drawn of it")
        parser.add_argument("--patient")
        parser.add_argument("--age")
        parser.add_argument("--sex")
        parser.add_argument("--view")
        parser.add_argument("--reason", required=True, help="for the record")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--keep", action="store_true", help="the case stays as it was read")
        decision.add_argument("--exclude", action="store_true", help="the case is left out of the analysis")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        image = _image_named(study, options["image"])
        order = CorrectionOrder(options["reason"], timezone.now(), _decision(options))
        try:
            said = Facts(_facts(options), _labels(study, options["finding"]), _drawn(study, image, options))
            corrections = image_correct(image=image, said=said, order=order)
        except (StudyError, RowError) as error:
            raise CommandError(str(error)) from error
        for one in corrections:
            name = f"{one.field} {one.finding}".strip()
            self.stdout.write(f"{image.name}: {name}: {one.get_outcome_display()}")
        if not corrections:
            self.stdout.write(f"Nothing to correct: {image.name} has these values already.")
        study.refresh_from_db()
        if study.selection_outdated:
            self.stdout.write(f"The cases must be selected again: study_select {study.slug}")


def _decision(options: dict[str, Any]) -> Decision:
    return "keep" if options["keep"] else "exclude" if options["exclude"] else ""


def _image_named(study: Study, name: str) -> Image:
    found = list(study.images.filter(name=name))
    if len(found) == 1:
        return found[0]
    alike = ", ".join(study.images.filter(name__iexact=name).values_list("name", flat=True)[:5])
    if found:
        raise CommandError(f"{study.slug} has {len(found)} images named {name}: they cannot be told apart by name.")
    raise CommandError(f"{study.slug} has no image {name}. {f'There is: {alike}.' if alike else ''}".strip())


def _facts(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options[name].strip() for name in ("patient", "age", "sex", "view") if options[name] is not None}
    read = {"age": age_of, "sex": sex_of}
    return {name: read[name](text) if name in read else text for name, text in given.items()}


def _labels(study: Study, findings: list[str]) -> dict[str, str]:
    vocabulary, states = vocabulary_of(study), {folded(state): state.value for state in State}
    labels = {}
    for given in findings:
        text, _, state = given.rpartition("=")
        name = vocabulary.name(text) or (text if _is_label(study, text) else None)
        if name is None:
            raise CommandError(f"--finding {given}: {text!r} is no known finding: {', '.join(vocabulary.names)}.")
        if folded(state) not in states:
            raise CommandError(f"--finding {given}: {state!r} is none of {', '.join(State)}.")
        labels[name] = states[folded(state)]
    return labels


def _is_label(study: Study, text: str) -> bool:
    """Whether a text that is no known finding stands among the study's labels."""
    return study.images.filter(labels__finding=text).exists()


def _drawn(study: Study, image: Image, options: dict[str, Any]) -> dict[str, list[Drawing]]:
    vocabulary = vocabulary_of(study)
    drawn: dict[str, list[Drawing]] = defaultdict(list)
    for name in options["no_box"]:
        drawn[vocabulary.name(name) or name] = []
    for given in options["box"]:
        text, _, numbers = given.rpartition("=")
        try:
            values = [float(number) for number in numbers.split(",")]
        except ValueError as error:
            raise CommandError(f"--box {given}: {numbers!r} is not X,Y,WIDTH,HEIGHT in numbers.") from error
        if len(values) != _BOX or not all(value > 0 for value in values[2:]):
            raise CommandError(f"--box {given}: it needs X,Y,WIDTH,HEIGHT, the last two above zero.")
        finding = vocabulary.name(text) or text
        drawn[finding].append(box_drawn(BoxRow(image.name, finding, *values), image))
    return dict(drawn)
