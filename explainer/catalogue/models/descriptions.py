"""The TOML file that describes a model of somebody's own: what it may say, checked. Loads no torch.

docs/models.md shows whole descriptions.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from explainer.catalogue.models.listing import Kind, Listing
from explainer.errors import ModelDescriptionError, UnknownModelError
from explainer.problems import Input, Number, Problem, ProblemsError, RefusedError, Text, Whole, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

#: What a network returns for each target. `logits`: a logit of its own, whose sigmoid is the probability; `softmax`:
#: logits of targets that exclude each other; `probabilities`: nothing is left to do.
Output = Literal["logits", "softmax", "probabilities"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
_LARGEST = 8192


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] >= ends[1]:
        raise RefusedError(f"must be {_BLACK_AND_WHITE}")
    return ends


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise RefusedError("has a name twice")
    return names


_BLACK_AND_WHITE = "what black and white are to the network, such as [-1024, 1024] or [0, 1]"
_Name = Annotated[Text, Field(pattern=r"\S")]
_Point = Annotated[Number, Field(gt=0, lt=1)]
_Side = Annotated[Whole, Field(ge=1, le=_LARGEST, description="the images' side in pixels")]
_Range = Annotated[tuple[Number, Number], AfterValidator(_ascending), Field(description=_BLACK_AND_WHITE)]
_Way = frozenset[str]


class Description(Input):
    """What descriptions of both kinds say: where the network is."""

    #: The keys that name a network, those together that belong together, and how to say so.
    ways: ClassVar[tuple[_Way, ...]] = (frozenset({"file"}), frozenset({"callable"}))
    ways_in_words: ClassVar[str] = "`file` or `callable`"

    id: Text = ""
    file: Text | None = None
    callable: Text | None = None
    sha256: Text | None = None

    def files(self) -> dict[str, tuple[str, str | None]]:
        """The files that are named, by the key that names them, each with the SHA-256 that it must have."""
        return {} if self.file is None else {"file": (self.file, self.sha256)}

    def arguments(self) -> dict[str, Any]:
        """What Classifier or Autoencoder are told besides the network."""
        kept = ("targets", "output", "operating_points", "input_size", "input_range")
        return {key: getattr(self, key) for key in kept if key in type(self).model_fields}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = {*self.files(), *(["callable"] if self.callable is not None else [])}
        if named not in self.ways:
            raise RefusedError(f"must name its network in one way: {self.ways_in_words}")
        return self


class ClassifierDescription(Description):
    """The description of a classifier; without `operating_points` they are 0.5 each."""

    kind: Literal["classifier"] = "classifier"
    targets: Annotated[
        tuple[_Name, ...],
        Field(min_length=1, description="a list of names, in the order of the outputs"),
        AfterValidator(_distinct),
    ]
    output: Annotated[Output, Field(description=f"a name, one of: {', '.join(OUTPUTS)}")]
    operating_points: Annotated[tuple[_Point, ...] | None, Field(description="a list of numbers between 0 and 1")] = (
        None
    )
    input_size: _Side
    input_range: _Range

    @model_validator(mode="after")
    def _a_point_for_each_target(self) -> Self:
        if self.operating_points is not None and len(self.operating_points) != len(self.targets):
            raise RefusedError("needs one operating point for each of its targets")
        return self


class AutoencoderDescription(Description):
    """The description of an autoencoder, whose two halves may lie in two files."""

    ways = (*Description.ways, frozenset({"encoder", "decoder"}))
    ways_in_words = "`file`, `callable`, or `encoder` and `decoder`"

    kind: Literal["autoencoder"] = "autoencoder"
    input_size: _Side
    input_range: _Range
    encoder: Text | None = None
    decoder: Text | None = None
    encoder_sha256: Text | None = None
    decoder_sha256: Text | None = None

    def files(self) -> dict[str, tuple[str, str | None]]:
        halves = {"encoder": (self.encoder, self.encoder_sha256), "decoder": (self.decoder, self.decoder_sha256)}
        return {
            **super().files(),
            **{key: (name, digest) for key, (name, digest) in halves.items() if name is not None},
        }


_MODELS: dict[Kind, type[Description]] = {"classifier": ClassifierDescription, "autoencoder": AutoencoderDescription}


def read_description(path: Path, kind: Kind) -> Description:
    """What a description of this kind says.

    Raises UnknownModelError if there is no such file, and ModelDescriptionError with all that is wrong with it.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UnknownModelError(f"There is no description of a model at {path}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelDescriptionError(f"{path.name} is not valid TOML: {error}.") from error
    described = values.get("kind", "classifier")
    if described != kind:
        raise ModelDescriptionError(
            f"{path.name} describes {described!r}, where a description of kind = '{kind}' is needed."
        )
    try:
        return read(_MODELS[kind], values)
    except ProblemsError as error:
        raise ModelDescriptionError(" ".join(_sentences(path.name, kind, error.problems))) from error


def _sentences(name: str, kind: Kind, problems: Sequence[Problem]) -> Iterator[str]:
    missing = [str(one.place[-1]) for one in problems if one.kind == "missing"]
    if missing:
        yield f"{name} lacks {', '.join(missing)}; docs/models.md shows a whole description of a {kind}."
    for one in problems:
        if one.kind == "unknown":
            hint = f"did you mean {one.near}?" if one.near else f"it may have {', '.join(_MODELS[kind].model_fields)}."
            yield f"{name} has the key {one.place[-1]}, which a {kind} does not have: {hint}"
        elif one.kind == "wrong":
            yield f"{f'{one.place[0]} of ' if one.place else ''}{name} {one.reason}."


class _Descriptions(Listing):
    naming = "the path of a description (model.toml)"

    def identifiers(self, kind: Kind) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def has(self, kind: Kind, id_or_path: str) -> bool:  # noqa: ARG002
        return id_or_path.endswith(".toml")

    def targets(self, id_or_path: str) -> tuple[str, ...]:
        targets: tuple[str, ...] = read_description(Path(id_or_path), "classifier").arguments()["targets"]
        return targets

    def check_autoencoder(self, id_or_path: str) -> None:
        read_description(Path(id_or_path), "autoencoder")


DESCRIPTIONS = _Descriptions()
