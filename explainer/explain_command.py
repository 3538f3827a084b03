"""`python -m explainer explain`: a folder of files for each image and target (docs/explanation-files.md)."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from explainer.catalogue.methods import METHODS, method_of, method_settings, methods_of
from explainer.catalogue.parameters import TOP_PERCENT
from explainer.catalogue.settings import setting_kinds
from explainer.cli import add_common, output_names
from explainer.errors import (
    ImageError,
    InputError,
    NoGradientError,
    PredictionError,
    RenderingError,
    SettingsError,
    UsageError,
)
from explainer.types import ExplanationRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from explainer.errors import ExplainerError
    from explainer.types import Explanation

#: What is wrong with one image or its prediction; it says nothing about the others.
_OF_ONE_CASE = (ImageError, InputError, NoGradientError, PredictionError, RenderingError)
#: Method, setting and value as they were typed.
_Assignment = tuple[str, str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything that can be asked for."""
    add_common(parser)
    needed_by = ", ".join(key for key, method in METHODS.items() if method.needs_autoencoder)
    parser.add_argument("--autoencoder", metavar="ID", help=f"needed by {needed_by}")
    parser.add_argument("--target", action="append", required=True, metavar="NAME", help="may be given several times")
    parser.add_argument(
        "--method", action="append", choices=("all", *METHODS), help="default: all; may be given several times"
    )
    parser.add_argument(
        "--set",
        action="append",
        type=_assignment,
        default=[],
        dest="settings",
        metavar="METHOD.SETTING=VALUE",
        help="a setting of a method, such as latent_shift.drop=0.4; may be given several times",
    )
    parser.add_argument(
        "--percent",
        type=float,
        default=TOP_PERCENT,
        help="share of the pixels that overlays mark (default: %(default)g)",
    )
    parser.add_argument(
        "--blur",
        type=float,
        default=0.0,
        metavar="SIGMA",
        help="smooth maps before ranking, by a Gaussian of this many pixels of the model's image (default: not)",
    )
    parser.add_argument("--flow", action="store_true", help="optical flow of the counterfactual; a second per case")
    parser.add_argument("--gif", action="store_true", help="the counterfactual as GIF too")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """Explain every image and target; 0 if all could be, 1 if some could not, which are named.

    What is wrong with the command, its models, targets, settings or output folder is raised before a model is run.
    """
    from explainer import rendering  # loads what --help does not need

    try:
        options = rendering.PictureOptions(percent=args.percent, blur=args.blur, flow=args.flow, gif=args.gif)
    except RenderingError as wrong:
        raise UsageError(str(wrong)) from wrong
    places = folders(args.images, args.target, args.out)
    requests = _requests(args)
    check_models(requests[0], args.target)
    _check_writable(args.out)
    failed: list[ExplanationRequest] = []
    progress = tqdm(total=len(requests), unit="case", desc="explain")

    def report(request: ExplanationRequest, error: ExplainerError) -> None:
        if not isinstance(error, _OF_ONE_CASE):
            raise error
        tqdm.write(f"error: {request.image.name}, {request.target}: {error}", file=sys.stderr)
        failed.append(request)
        progress.update()

    def write(explained: tuple[ExplanationRequest, Explanation]) -> None:
        request, explanation = explained
        rendering.write(explanation, places[request.image, request.target], options)

    with progress:
        for request, error in _written(requests, write, report):
            if error is None:
                progress.update()
            else:
                report(request, error)
    return 1 if failed else 0


def _written(
    requests: Sequence[ExplanationRequest],
    write: Callable[[tuple[ExplanationRequest, Explanation]], None],
    report: Callable[[ExplanationRequest, ExplainerError], None],
) -> Iterator[tuple[ExplanationRequest, RenderingError | None]]:
    """Each case that was explained once its files are written, or could not be drawn."""
    from explainer.pipeline import overlapped
    from explainer.run import explain_many  # loads torch

    for (request, _), written in overlapped(explain_many(requests, on_error=report), write):
        error = written.exception()
        if error is not None and not isinstance(error, RenderingError):
            raise error
        yield request, error


def _requests(args: argparse.Namespace) -> list[ExplanationRequest]:
    methods = tuple(METHODS) if not args.method or "all" in args.method else tuple(dict.fromkeys(args.method))
    parameters = parameters_of(args.settings, methods)
    return [
        ExplanationRequest(
            image=image,
            target=target,
            classifier=args.classifier,
            autoencoder=args.autoencoder,
            methods=methods,
            parameters=parameters,
            scoring=args.scoring,
            device=args.device,
        )
        for image in dict.fromkeys(args.images)
        for target in dict.fromkeys(args.target)
    ]


def check_models(request: ExplanationRequest, targets: Sequence[str]) -> None:
    """Load the models that all requests share; raise if they do not fit each other or the targets."""
    from explainer.devices import choose_device  # loads torch
    from explainer.loaded import autoencoder_of_process, classifier_of_process
    from explainer.methods.base import check_fit

    shifting = [method for method in methods_of(request.methods) if method.needs_autoencoder]
    if shifting and request.autoencoder is None:
        raise SettingsError(f"{shifting[0].title} needs an autoencoder: add --autoencoder ID, or name other methods.")
    device = choose_device(request.device)
    classifier = classifier_of_process(request.classifier, device, request.scoring)
    for target in targets:
        classifier.index(target)
    if request.autoencoder is not None:
        autoencoder = autoencoder_of_process(request.autoencoder, device)
        if shifting:
            check_fit(classifier, autoencoder)


def _check_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def folders(images: Sequence[Path], targets: Sequence[str], out: Path) -> dict[tuple[Path, str], Path]:
    """Folder of each image and target. Raises if two of them would have the same."""
    names = output_names(images, lambda path: path.stem)
    spelt: dict[str, str] = {}
    for target in targets:
        other = spelt.setdefault(_spelt(target), target)
        if other != target:
            raise SettingsError(
                f"'{other}' and '{target}' would both be '{_spelt(target)}' in the output: give them in separate runs."
            )
    return {(image, target): out / names[image] / _spelt(target) for image in images for target in targets}


def _spelt(target: str) -> str:
    """A target as the name of a folder."""
    return re.sub(r"[^\w-]+", "_", target)


def _assignment(text: str) -> _Assignment:
    name, equals, value = text.partition("=")
    method, dot, setting = name.partition(".")
    if not (equals and dot and method and setting):
        raise argparse.ArgumentTypeError(f"'{text}' is no METHOD.SETTING=VALUE, such as latent_shift.drop=0.4")
    return method, setting, value


def parameters_of(assignments: Sequence[_Assignment], methods: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Settings by method, each value of its setting's type.

    Raises SettingsError for a method that is unknown or not asked for, a setting that it does not have, and a value
    that cannot be.
    """
    parameters: dict[str, dict[str, Any]] = {}
    for method, setting, value in assignments:
        method_of(method)
        if method not in methods:
            raise SettingsError(f"{method} is not among the methods of this run: add --method {method}.")
        parameters.setdefault(method, {})[setting] = value
    if not parameters:
        return {}
    for method, values in parameters.items():
        kinds = setting_kinds(method_of(method).settings)
        parameters[method] = {name: _value(text, kinds.get(name, ())) for name, text in values.items()}
        method_settings(method, parameters[method])
    return parameters


def _value(text: str, kinds: tuple[type, ...]) -> Any:
    """As a type that its setting takes; what cannot be stays a text, which the settings then refuse by name."""
    # A setting that may be left open takes the word none.
    if type(None) in kinds and text.lower() == "none":
        return None
    try:
        return int(text) if int in kinds else float(text) if float in kinds else text
    except ValueError:
        return text
