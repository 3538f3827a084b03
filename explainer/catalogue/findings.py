"""The vocabulary of findings: which name a text stands for, whoever typed it. Loads no torch.

A text that is not in the vocabulary is never taken for the absence of a finding that it resembles: `pneumonai`,
`possible pneumonia` and `no pneumonia` leave Pneumonia uncertain.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class State(StrEnum):
    """What is known of a finding on an image. Only `NEGATIVE` says that it is not there."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    NOT_ASSESSED = "not assessed"


#: TorchXRayVision's names, which its classifiers and the shipped ones predict -> what data sets call the same.
STANDARD: Mapping[str, tuple[str, ...]] = {
    "Atelectasis": ("Atelectases",),
    "Consolidation": ("Consolidations", "Lung consolidation", "Pulmonary consolidation"),
    "Infiltration": ("Infiltrate", "Infiltrates", "Infiltrations", "Lung infiltrate", "Pulmonary infiltrate",
                     "Pulmonary infiltrates", "Pulmonary infiltration"),
    "Pneumothorax": ("Pneumothoraces",),
    "Edema": ("Oedema", "Pulmonary edema", "Pulmonary oedema", "Lung edema", "Lung oedema"),
    "Emphysema": ("Pulmonary emphysema", "Lung emphysema"),
    "Fibrosis": ("Pulmonary fibrosis", "Lung fibrosis"),
    "Effusion": ("Effusions", "Pleural effusion", "Pleural effusions"),
    "Pneumonia": ("Pneumonias",),
    "Pleural_Thickening": ("Pleural thickenings", "Thickened pleura"),
    "Cardiomegaly": ("Enlarged heart", "Heart enlargement", "Cardiac enlargement"),
    "Nodule": ("Nodules", "Lung nodule", "Lung nodules", "Pulmonary nodule", "Pulmonary nodules"),
    "Mass": ("Masses", "Lung mass", "Lung masses", "Pulmonary mass", "Pulmonary masses"),
    "Hernia": ("Hernias", "Hiatal hernia", "Hiatus hernia"),
    "Lung Lesion": ("Lung lesions", "Lesion", "Pulmonary lesion", "Pulmonary lesions"),
    "Fracture": ("Fractures",),
    "Lung Opacity": ("Lung opacities", "Airspace opacity", "Airspace opacities", "Pulmonary opacity", "Opacity",
                     "Opacities"),
    "Enlarged Cardiomediastinum": (),
    "Pleural Other": (),
    "Support Devices": ("Support device",),
}  # fmt: skip
NO_FINDING = "No Finding"
#: What stands for the absence of all that was assessed.
NOTHING_FOUND = (NO_FINDING, "No findings", "Normal", "None", "No abnormality", "No abnormalities", "Healthy")
#: What says nothing at all of an image, like an empty cell.
NOTHING_SAID = (
    "na", "n/a", "nan", "null", "nil", "?", "-", "--", ".", "unknown", "pending", "missing", "tbd", "unclear",
    "not available", "not assessed", "not reported", "not read", "unreadable", "unlabelled", "unlabeled",
)  # fmt: skip
#: Beside it "no finding" is no contradiction: a tube is no disease.
NO_DISEASE = ("Support Devices",)
#: Words that take back or weaken what they stand beside.
_HEDGES = frozenset({
    "no", "not", "non", "without", "absent", "absence", "negative", "resolved", "ruled", "rule", "excluded",
    "exclude", "cannot", "possible", "possibly", "probable", "probably", "likely", "unlikely", "suspected",
    "suspicion", "suspicious", "questionable", "question", "maybe", "may", "might", "uncertain", "doubtful",
    "equivocal", "borderline",
})  # fmt: skip
_ALWAYS_SEPARATES = re.compile(r"[|\n\r\t]")
_SEPARATES = (";", ",")
_WORD = re.compile(r"[^\W_]+")
_ALIKE = 0.84
_UNMATCHED = 4
_LONGEST_RUN = 4
_FEW_WORDS = 6
#: A name at least this long is recognised inside a longer word (bronchopneumonia, hydropneumothorax).
_INSIDE = 8


class VocabularyError(Exception):
    """A synonym that cannot be used; `synonym` is the text, the message says what is wrong with it and what to do."""

    def __init__(self, synonym: str, reason: str) -> None:
        super().__init__(reason)
        self.synonym = synonym


@cache
def _dropped(character: str) -> bool:
    """Whether a character is a blank, an underscore, a hyphen of any kind, or invisible."""
    return character == "_" or unicodedata.category(character) in {"Zs", "Cc", "Cf", "Pd"} or character == "\u2212"


@lru_cache(maxsize=50_000)
def folded(text: str) -> str:
    """The text without regard to case, blanks, underscores and hyphens: by this, spellings of one name are equal."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in normal if not _dropped(character))


_NOTHING_FOUND = frozenset(map(folded, NOTHING_FOUND))
_NOTHING_SAID = frozenset(map(folded, NOTHING_SAID))


def says_nothing(text: str) -> bool:
    """Whether a cell is empty, or says as much as an empty one."""
    return folded(text) in _NOTHING_SAID or not folded(text)


@dataclass(frozen=True)
class Said:
    """What a list of findings says: known ones, those that it leaves in doubt, and texts that are no known finding."""

    names: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    nothing_found: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The findings that are known, and every spelling that stands for one. Make it with `vocabulary`."""

    names: tuple[str, ...]
    spellings: Mapping[str, str] = field(repr=False)  # folded -> name
    nothing: frozenset[str] = field(repr=False)  # folded texts that stand for no finding

    def name(self, text: str) -> str | None:
        """The finding that a text stands for, or None."""
        return self.spellings.get(folded(text))

    def nothing_found(self, text: str) -> bool:
        """Whether a text stands for the absence of findings."""
        return folded(text) in self.nothing

    def known(self, text: str) -> bool:
        return self.name(text) is not None or self.nothing_found(text)

    def alike(self, text: str) -> tuple[str, ...]:
        """Known findings that an unknown text speaks of or nearly spells."""
        return _alike(tuple(self.spellings.items()), text)

    def read(self, text: str) -> Said:
        """What a cell that lists findings says. `|` and line ends always separate, `;` and `,` where that gives names.

        A name that itself holds a separator is one name.
        """
        parts = [text] if self.known(text) else [part for part in _ALWAYS_SEPARATES.split(text) if part.strip()]
        said = [self._read_part(part) for part in parts]
        hedged = {name for one in said if any(map(_hedged, one.unknown)) for name in one.doubtful}
        # A name that stands for itself outweighs a text elsewhere that only resembles it, but not one that doubts it.
        names = dict.fromkeys(name for one in said for name in one.names if name not in hedged)
        doubtful = dict.fromkeys(name for one in said for name in one.doubtful if name not in names)
        return Said(
            names=tuple(names),
            doubtful=tuple(doubtful),
            unknown=tuple(dict.fromkeys(piece for one in said for piece in one.unknown)),
            nothing_found=any(one.nothing_found for one in said),
        )

    def _read_part(self, text: str) -> Said:
        """What stands between two separators: a hedge there weakens all that it names (`no pneumonia, edema`)."""
        pieces = [piece for part in self._split(text) if (piece := _bare(part))]
        names = [name for piece in pieces if (name := self.name(piece)) is not None]
        unknown = [piece for piece in pieces if not self.known(piece)]
        doubtful = [name for piece in unknown for name in self.alike(piece)]
        if any(map(_hedged, unknown)):
            names, doubtful = [], [*names, *doubtful]
        return Said(
            names=tuple(names),
            doubtful=tuple(name for name in doubtful if name not in names),
            unknown=tuple(unknown),
            nothing_found=any(map(self.nothing_found, pieces)),
        )

    def _split(self, text: str, separators: Sequence[str] = _SEPARATES) -> list[str]:
        if self.known(_bare(text)) or not separators:
            return [text]
        first, *others = separators
        parts = [part for part in text.split(first) if part.strip()]
        pieces = [piece for part in self._joined(parts, first) for piece in self._split(part, others)]
        return pieces if any(self.known(_bare(piece)) for piece in pieces) else [text]

    def _joined(self, parts: Sequence[str], separator: str) -> list[str]:
        """The parts, those put together again that are one name with the separator in it."""
        found: list[str] = []
        start = 0
        while start < len(parts):
            ends = range(len(parts), start + 1, -1)
            joined = ((end, separator.join(parts[start:end])) for end in ends)
            end, whole = next(
                ((end, text) for end, text in joined if self.known(_bare(text))), (start + 1, parts[start])
            )
            found.append(whole)
            start = end
        return found


def vocabulary(names: Iterable[str] = (), synonyms: Mapping[str, str] | None = None) -> Vocabulary:
    """The standard names and these: a study's targets, a classifier's. What comes first gives its name to the others.

    So a target `Pleural Effusion` is what the standard calls `Effusion`, and all its spellings stand for the target.
    `synonyms` are texts -> name of a finding or `No Finding`. Raises VocabularyError.
    """
    given = tuple(dict.fromkeys(name.strip() for name in names))
    groups = {folded(name): (name, *others) for name, others in STANDARD.items()}
    standard_of = {folded(text): key for key, texts in groups.items() for text in texts}
    spellings: dict[str, str] = {folded(name): name for name in reversed(given)}
    for name in given:
        for text in groups.get(standard_of.get(folded(name), ""), ()):
            spellings.setdefault(folded(text), name)
    for texts in groups.values():
        own = next((spellings[folded(text)] for text in texts if folded(text) in spellings), texts[0])
        for text in texts:
            spellings.setdefault(folded(text), own)
    nothing = set(_NOTHING_FOUND) - set(spellings)
    for text, meant in (synonyms or {}).items():
        _add(text, meant, spellings, nothing)
    return Vocabulary(tuple(dict.fromkeys((*given, *spellings.values()))), spellings, frozenset(nothing))


def _add(text: str, meant: str, spellings: dict[str, str], nothing: set[str]) -> None:
    key, name = folded(text), spellings.get(folded(meant))
    if not key:
        raise VocabularyError(text, "is empty: write the text that the tables have")
    if name is None and folded(meant) not in nothing:
        raise VocabularyError(text, f"stands for {meant!r}, which is no known finding: {_known(spellings)}")
    if key in spellings and spellings[key] != name:
        raise VocabularyError(text, f"is the finding {spellings[key]} already and cannot stand for {meant!r} too")
    if key in nothing and name is not None:
        raise VocabularyError(text, f"stands for {NO_FINDING} already and cannot stand for {meant!r} too")
    if name is None:
        nothing.add(key)
    else:
        spellings[key] = name


def _known(spellings: Mapping[str, str]) -> str:
    return f"known are {', '.join(dict.fromkeys(spellings.values()))} and {NO_FINDING}"


def _bare(text: str) -> str:
    """A piece without the quotes and brackets of a list that a program wrote."""
    return text.strip().strip("[]{}\"',;").strip()


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _hedged(text: str) -> bool:
    return "?" in text or not _HEDGES.isdisjoint(_words(text))


def _unmatched(one: str, other: str) -> int:
    """Letters that stand in one of two texts alone."""
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return len(one) + len(other) - 2 * sum(block.size for block in blocks)


@lru_cache(maxsize=10_000)
def _alike(spellings: tuple[tuple[str, str], ...], text: str) -> tuple[str, ...]:
    known = dict(spellings)
    words, whole = _words(text), folded(text)
    lengths = range(1, min(_LONGEST_RUN, len(words)) + 1)
    runs = {"".join(words[start : start + n]) for n in lengths for start in range(len(words) - n + 1)}
    # In a whole sentence, misspelt names of several words are looked for in vain: too many runs.
    near = {key for run in ({whole, *runs} if len(words) <= _FEW_WORDS else words) for key in _near(spellings, run)}
    found = [
        name for key, name in known.items() if key in runs or key in near or (len(key) >= _INSIDE and key in whole)
    ]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=50_000)
def _near(spellings: tuple[tuple[str, str], ...], text: str) -> tuple[str, ...]:
    """Spellings that a word or a few words nearly are."""
    close = difflib.get_close_matches(text, [key for key, _ in spellings], n=3, cutoff=_ALIKE)
    return tuple(key for key in close if _unmatched(text, key) <= _UNMATCHED)
