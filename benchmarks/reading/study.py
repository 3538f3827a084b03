"""A throwaway study with as many cases as wanted, real picture files, and one reader whose period 1 is open."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

from PIL import Image as Picture

from readerstudy.explanations.models import Artefact
from readerstudy.lib.media import media_path, random_name
from tests.factories.reading import case_make, explain, reader_make, study_make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readerstudy.explanations.models import Explanation
    from readerstudy.reading.models import Allocation

TARGETS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Mass")
VARIETY = 6  # sets of pictures that are drawn; the other cases get copies, as files of their own
DRAWN_SIDE = 256


def build(*, cases: int, side: int) -> Allocation:
    """The reader's sequence; pictures are `side` pixels wide and as grainy as an X-ray."""
    study = study_make("benchmark", targets=TARGETS, per_cell=0)
    drawn = []
    for number in range(1, cases + 1):
        case = case_make(
            study,
            target=TARGETS[number % len(TARGETS)],
            label="TP" if (number - 1) // len(TARGETS) % 2 else "FP",
            number=number,
        )
        if number <= VARIETY:
            explanation = explain(case, files=True)
            _enlarge(explanation, side / DRAWN_SIDE)
            drawn.append(list(explanation.artefacts.all()))
        else:
            _copy(explain(case), drawn[number % VARIETY])
    return reader_make(study)


def _copy(explanation: Explanation, artefacts: Sequence[Artefact]) -> None:
    for artefact in artefacts:
        name = random_name("explanations", "." + artefact.file.rsplit(".", 1)[1])
        path = media_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(media_path(artefact.file).read_bytes())
        artefact.pk, artefact.explanation, artefact.file = None, explanation, name
        artefact._state.adding = True  # noqa: SLF001  # Django's own way to copy a row
        artefact.save()


def _enlarge(explanation: Explanation, factor: float) -> None:
    """X-ray and counterfactual: the factory's are as small as tests want them. Maps have the model's size as it is."""
    for artefact in explanation.artefacts.all():
        path = media_path(artefact.file)
        if artefact.kind in {Artefact.Kind.XRAY, Artefact.Kind.FILMSTRIP}:
            data = _enlarged(path.read_bytes(), factor)
        elif artefact.kind == Artefact.Kind.CURVE:
            curve = json.loads(path.read_bytes())
            frame = {key: round(curve[key] * factor) for key in ("frame_width", "frame_height")}
            data = json.dumps(curve | frame).encode()
        else:
            continue
        path.write_bytes(data)
        artefact.sha256, artefact.size = hashlib.sha256(data).hexdigest(), len(data)
        artefact.save()


def _enlarged(data: bytes, factor: float) -> bytes:
    with Picture.open(io.BytesIO(data)) as picture:
        size = (round(picture.width * factor), round(picture.height * factor))
        large = picture.convert("L").resize(size, Picture.Resampling.BICUBIC)
    grain = Picture.effect_noise(size, 6)
    stream = io.BytesIO()
    Picture.blend(large, grain, 0.15).save(stream, format="PNG")
    return stream.getvalue()
