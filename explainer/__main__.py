"""`python -m explainer`: score and explain images, measure explanations, make phantoms, train the small models."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from explainer.errors import ExplainerError, ImageError, NoGradientError, PredictionError
from explainer.types import METHODS, SCORINGS, ExplanationRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Subcommands that parse their own arguments: name -> (module, what it does).
_DELEGATED = {
    "evaluate": ("explainer.evaluation.cli", "measure explanations: mass on findings and on a planted shortcut"),
    "phantoms": ("explainer.phantoms", "make synthetic chest X-rays with labels and masks"),
    "weights": ("explainer.weights_cli", "list, fetch and verify the weights that TorchXRayVision releases"),
    "train": ("explainer.training.cli", "train a small classifier or autoencoder"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; 0 if all went well, 1 if something could not be done, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in _DELEGATED:
            return _delegate(_DELEGATED[arguments[0]][0], arguments[1:])
        # Read when torch is loaded: threads that sleep while they wait leave the cores to whoever else is at work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        args = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = args.run
        return run(args)
    except (ExplainerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _delegate(module: str, arguments: Sequence[str]) -> int:
    import importlib  # each of these loads what the others do not need

    result = importlib.import_module(module).main(list(arguments))
    return int(result or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m explainer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (_, purpose) in _DELEGATED.items():
        commands.add_parser(name, help=purpose)

    score = commands.add_parser("score", help="calibrated scores of images as CSV")
    _add_common(score)
    score.add_argument("--out", type=Path, required=True, metavar="SCORES.csv")
    score.set_defaults(run=_score)

    explain = commands.add_parser("explain", help="attribution maps and counterfactuals of images")
    _add_common(explain)
    explain.add_argument("--autoencoder", metavar="ID", help="needed by latent_shift")
    explain.add_argument("--target", action="append", required=True, metavar="NAME", help="may be given several times")
    explain.add_argument(
        "--method", action="append", choices=("all", *METHODS), help="default: all; may be given several times"
    )
    explain.add_argument(
        "--percent", type=float, default=5.0, help="share of the pixels that overlays mark (default: 5)"
    )
    explain.add_argument("--out", type=Path, required=True, metavar="DIR")
    explain.set_defaults(run=_explain)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="PNG, JPEG or DICOM")
    parser.add_argument("--classifier", required=True, metavar="ID", help="identifier, or folder of a pair")
    parser.add_argument("--scoring", choices=SCORINGS, default="calibrated", help="which score (default: calibrated)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")


def _score(args: argparse.Namespace) -> int:
    from explainer.run import choose_device, classifier_of_process, score  # loads torch

    names = _names(args.images, lambda path: path.name)
    classifier = classifier_of_process(args.classifier, choose_device(args.device), args.scoring)
    failed: list[Path] = []

    def report(path: Path, error: ExplainerError) -> None:
        tqdm.write(f"error: {error}", file=sys.stderr)
        failed.append(path)

    scored = tqdm(score(args.images, classifier, on_error=report), total=len(args.images), unit="image", desc="score")
    rows = [{"image": names[path], **scores} for path, scores in scored]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=["image", *classifier.targets], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 1 if failed else 0


def _explain(args: argparse.Namespace) -> int:
    from explainer import rendering  # loads what --help does not need
    from explainer.run import explain

    methods = METHODS if not args.method or "all" in args.method else tuple(dict.fromkeys(args.method))
    names = _names(args.images, lambda path: path.stem)
    failed = 0
    cases = [(image, target) for image in args.images for target in args.target]
    for image, target in tqdm(cases, unit="case", desc="explain"):
        request = ExplanationRequest(
            image=image,
            target=target,
            classifier=args.classifier,
            autoencoder=args.autoencoder,
            methods=methods,
            scoring=args.scoring,
            device=args.device,
        )
        try:
            rendering.write(explain(request), args.out / names[image] / target.replace(" ", "_"), percent=args.percent)
        # What is wrong with one image or its prediction says nothing about the others.
        except (ImageError, NoGradientError, PredictionError) as error:
            tqdm.write(f"error: {image.name}, {target}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _names(paths: Sequence[Path], name: Callable[[Path], str]) -> dict[Path, str]:
    """Name of each image in the output; two images may not share one."""
    names: dict[str, Path] = {}
    for path in paths:
        other = names.setdefault(name(path), path)
        if other != path:
            raise ImageError(
                f"{other} and {path} would both be '{name(path)}' in the output: give them in separate runs."
            )
    return {path: name(path) for path in paths}


if __name__ == "__main__":
    sys.exit(main())
