"""Latent Shift as one of captum's attribution classes, for any forward function and any autoencoder.

    attributions = LatentShift(model, autoencoder).attribute(images, target=3)

What is explained is the forward function's own output: give one that returns probabilities for `drop` and `rise` to
mean what they do in the paper, or choose them in the units of the output.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from captum._utils.common import _run_forward
from captum.attr import GradientAttribution
from captum.log import log_usage
from torch import Tensor, nn

from explainer.batching import Batches
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.catalogue.settings import settings_from
from explainer.errors import InputError, SettingsError
from explainer.methods.latent_line import LatentLine, Names
from explainer.methods.latent_shift import counterfactuals, project
from explainer.methods.outputs import Target, check_target, only_tensor, select_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from explainer.methods.latent_line import EncoderDecoder
    from explainer.types import Counterfactual

_IMAGE_DIMENSIONS = 4
#: Layers that in training mode make the images of a batch, or chance, change each other's predictions.
_TRAINING_LAYERS = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd, nn.RReLU)  # noqa: SLF001
_NAMES = Names("The forward function", "the autoencoder")


class LatentShift(GradientAttribution):  # type: ignore[misc]  # captum has no types
    """Latent Shift (Cohen et al. 2021, arXiv:2102.09475) for a batch of images.

    `forward_func` takes images (N, C, H, W) and returns (N,), (N, T) or (N, T, ...), differentiably. `autoencoder` has
    `encode(images) -> latents (N, ...)` and `decode(latents) -> images` of the same shape; both in evaluation mode.
    Each of the three may return its tensor in a tuple, list, mapping or dataclass that holds no other, and `encode` a
    distribution, whose mean or mode is then the latent. Half precision and autocast are taken as they are.
    """

    def __init__(self, forward_func: Callable[..., Any], autoencoder: EncoderDecoder) -> None:
        super().__init__(forward_func)
        missing = [name for name in ("encode", "decode") if not callable(getattr(autoencoder, name, None))]
        if missing:
            raise InputError(f"The autoencoder has no {' and no '.join(missing)}: Latent Shift needs both functions.")
        self.autoencoder = autoencoder

    @overload
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor],
        target: Target = ...,
        additional_forward_args: object = ...,
        *,
        return_counterfactuals: Literal[False] = ...,
        internal_batch_size: int | None = ...,
        input_range: tuple[float, float] | None = ...,
        **settings: Any,
    ) -> Tensor: ...
    @overload
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor],
        target: Target = ...,
        additional_forward_args: object = ...,
        *,
        return_counterfactuals: Literal[True],
        internal_batch_size: int | None = ...,
        input_range: tuple[float, float] | None = ...,
        **settings: Any,
    ) -> tuple[Tensor, list[Counterfactual]]: ...
    # captum's NoiseTunnel looks for what its decorator leaves behind.
    @log_usage()  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor],
        target: Target = None,
        additional_forward_args: object = None,
        *,
        return_counterfactuals: bool = False,
        internal_batch_size: int | None = None,
        input_range: tuple[float, float] | None = None,
        **settings: Any,
    ) -> Any:
        """Map of each image: how much every value changes along the latent direction; never negative.

        `inputs`: images (N, C, H, W), or a tuple of one such tensor. `target`, `additional_forward_args`: as for every
        method of captum; arguments that are tensors with N rows go with their images. `settings` are those of
        `explainer.catalogue.methods.latent_shift.LatentShiftSettings`: `drop`, `rise`, `frames`, `projection`,
        `search`, `lower`, `upper` and more. `input_range`: lowest and highest value of an image, by which
        `max_image_change` is measured; without it, each reconstruction's own. `internal_batch_size`: images that go
        through the models together.

        Returns a tensor (or tuple) like `inputs`; with `return_counterfactuals`, also a list with the sequence of each
        image, frames float32 (F, C, H, W). Raises InputError for images, models or outputs that do not fit,
        TargetError, SettingsError, NoGradientError and PredictionError; what the models themselves raise comes
        through as it is.
        """
        # Called within torch.inference_mode(), nothing would have a gradient.
        with torch.inference_mode(mode=False):
            images = _images(inputs)
            for name, part in (("forward_func", self.forward_func), ("autoencoder", self.autoencoder)):
                _refuse_training_mode(name, part)
            chosen = settings_from(LatentShiftSettings, settings, method="Latent Shift")
            check_target(target, len(images))
            line = LatentLine(
                self.autoencoder,
                self._predict(target, additional_forward_args, len(images)),
                images,
                batches=_batches(images, internal_batch_size),
                names=_NAMES,
            )
            found = counterfactuals(line, chosen, _spans(line, input_range), limits=(-math.inf, math.inf))
            maps = torch.from_numpy(np.stack([project(one, chosen.projection) for one in found])).to(images)
        attributions = (maps,) if isinstance(inputs, tuple) else maps
        return (attributions, found) if return_counterfactuals else attributions

    def _predict(self, target: Target, additional: object, count: int) -> Callable[[Tensor, Tensor], Tensor]:
        def predict(shifted: Tensor, cases: Tensor) -> Tensor:
            returned = _run_forward(self.forward_func, shifted, None, _arguments_of(additional, cases, count))
            output = only_tensor(returned, len(shifted), _NAMES.model)
            return select_target(output, _target_of(target, cases, count), _NAMES.model)

        return predict


def _batches(images: Tensor, internal_batch_size: int | None) -> Batches:
    if internal_batch_size is None:
        return Batches.for_device(images.device, math.isqrt(images.shape[2] * images.shape[3]))
    if not isinstance(internal_batch_size, int) or internal_batch_size < 1:
        raise SettingsError(f"internal_batch_size must be a whole number of images, not {internal_batch_size!r}.")
    return Batches.of(internal_batch_size)


def _images(inputs: Tensor | tuple[Tensor]) -> Tensor:
    images = inputs[0] if isinstance(inputs, tuple) and len(inputs) == 1 else inputs
    if not isinstance(images, Tensor) or images.dim() != _IMAGE_DIMENSIONS or not images.is_floating_point():
        raise InputError("Latent Shift takes one float tensor of images, shape (N, C, H, W).")
    if len(images) == 0 or not torch.isfinite(images).all():
        raise InputError("Latent Shift takes at least one image, and finite values only.")
    return images.detach().clone()  # a clone of a tensor made in inference mode is an ordinary one


def _refuse_training_mode(name: str, part: object) -> None:
    if isinstance(part, nn.Module) and any(
        module.training and isinstance(module, _TRAINING_LAYERS) for module in part.modules()
    ):
        raise InputError(f"{name} is in training mode: call {name}.eval() first.")


def _spans(line: LatentLine, input_range: tuple[float, float] | None) -> Sequence[float]:
    flat = line.reconstructions.flatten(1).float()
    if input_range is None:
        spans: list[float] = (flat.amax(dim=1) - flat.amin(dim=1)).clamp(min=torch.finfo(flat.dtype).tiny).tolist()
        return spans
    low, high = input_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SettingsError(f"input_range must be a lowest and a highest value, not {input_range!r}.")
    return [high - low] * len(flat)


def _target_of(target: Target, cases: Tensor, count: int) -> Target:
    """The targets that belong to these cases."""
    if isinstance(target, Tensor):
        flat = target.reshape(-1)
        return flat[cases.to(target.device)] if flat.numel() == count > 1 else int(flat[0])
    if isinstance(target, list):
        return [target[case] for case in cases.tolist()]
    return target


def _arguments_of(arguments: object, cases: Tensor, count: int) -> object:
    """The additional arguments that belong to these cases."""
    if arguments is None:
        return None
    several = arguments if isinstance(arguments, tuple) else (arguments,)
    return tuple(
        one[cases.to(one.device)] if isinstance(one, Tensor) and one.dim() > 0 and len(one) == count else one
        for one in several
    )
