"""The one tensor in what a network of somebody else returns, and the one number per image in that."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from captum._utils.common import _select_targets
from torch import Tensor
from torch.distributions import Distribution

from explainer.errors import InputError, TargetError

#: An output's index as captum takes it: one for all examples, or one for each; tuples index outputs of more dimensions.
Target = int | tuple[int, ...] | Tensor | list[int] | list[tuple[int, ...]] | None
#: Containers in containers, as diffusers' output that holds a distribution; deeper is no output of a network.
_DEPTH = 4


def only_tensor(value: Any, rows: int, owner: str) -> Tensor:
    """The floating tensor (rows, ...) in `value`: itself, or the only one in a tuple, list, mapping or dataclass.

    A distribution, torch's or one that has a `mode()`, stands for its mean or mode: the same each time. `owner` is what
    returned the value, in words. Raises InputError where there is none or more than one.
    """
    if isinstance(value, Tensor):
        return value
    found = [(place, one) for place, one in _tensors(value, "", _DEPTH) if one.is_floating_point() and len(one) == rows]
    if len(found) != 1:
        held = ", ".join(f"{place} {tuple(one.shape)}" for place, one in found) or "none"
        raise InputError(
            f"{owner} returns {type(value).__name__}, in which one float tensor with a row for each of {rows} images "
            f"is looked for; found: {held}. Give a function that returns the tensor which is meant."
        )
    return found[0][1]


def _tensors(value: Any, place: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        if value.dim():
            yield place, value
    elif isinstance(value, Distribution):
        yield f"{place}.mean", value.mean
    elif callable(getattr(value, "mode", None)) and callable(getattr(value, "sample", None)):
        yield f"{place}.mode()", value.mode()
    elif depth:
        for name, part in _parts(value):
            yield from _tensors(part, f"{place}{name}", depth - 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from ((f".{name}", getattr(value, name)) for name in value._fields)
    elif isinstance(value, tuple | list):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    elif dataclasses.is_dataclass(value):
        yield from ((f".{one.name}", getattr(value, one.name)) for one in dataclasses.fields(value))


def check_target(target: Target, count: int) -> None:
    """Raise InputError unless `target` has one of captum's forms for `count` images."""
    if isinstance(target, Tensor):
        whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
        fits = whole and (target.numel() == 1 or tuple(target.shape) == (count,))
        described = f"a tensor {tuple(target.shape)} of {str(target.dtype).removeprefix('torch.')}"
    elif isinstance(target, list):
        kinds = {type(one) for one in target}
        fits = len(target) == count and kinds in ({int}, {tuple})
        described = f"a list of {len(target)}"
    else:
        fits = target is None or (isinstance(target, int | tuple) and not isinstance(target, bool))
        described = repr(target)
    if not fits:
        raise InputError(
            f"{count} images need {count} targets or one for all: whole numbers, tuples of them, or an integer tensor "
            f"({count},), not {described}."
        )


def select_target(output: Tensor, target: Target, owner: str) -> Tensor:
    """One number per image, (N,), of an output (N, ...); `target` as captum takes it.

    Raises TargetError for an index that is not there, and InputError where no single number is left.
    """
    count = output.shape[0] if output.dim() else 1
    try:
        lowest = min(_indices(target), default=0)
        chosen: Tensor = _select_targets(output, target)
    except (AssertionError, IndexError, RuntimeError) as error:
        raise TargetError(_no_such_target(output, target, owner)) from error
    if lowest < 0:
        raise TargetError(_no_such_target(output, target, owner))
    if chosen.numel() != count:
        raise InputError(
            f"{owner} returns {tuple(output.shape)} for {count} images: choose one output per image with `target`."
        )
    return chosen.reshape(count)


def _indices(target: Target) -> list[int]:
    if isinstance(target, Tensor):
        return [int(one) for one in target.reshape(-1).tolist()]
    several = target if isinstance(target, list | tuple) else [] if target is None else [target]
    return [index for one in several for index in (one if isinstance(one, tuple) else (one,))]


def _no_such_target(output: Tensor, target: Target, owner: str) -> str:
    shown = target.tolist() if isinstance(target, Tensor) else target
    return (
        f"{owner} returns {tuple(output.shape)}, so {tuple(output.shape[1:])} for each image, in which there is no "
        f"target {shown!r}: indices count from 0, one for each dimension after the first."
    )
