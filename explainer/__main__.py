"""`python -m explainer`: score and explain images, measure explanations, make phantoms, train the small models."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from explainer import explain_command
from explainer.cli import add_common, output_names
from explainer.errors import ExplainerError, UsageError
from explainer.memory import keep_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Subcommands that parse their own arguments: name -> (module, what it does).
_DELEGATED = {
    "evaluate": ("explainer.evaluation.cli", "measure explanations: mass on findings and on a planted shortcut"),
    "methods": ("explainer.methods_command", "list the methods of explanation, their papers and settings"),
    "picture": ("explainer.picture_command", "the picture that a reader sees of a file, or why there is none"),
    "phantoms": ("explainer.phantoms", "make synthetic chest X-rays with labels and masks"),
    "weights": ("explainer.weights_cli", "list, fetch and verify the weights that TorchXRayVision releases"),
    "train": ("explainer.training.cli", "train a small classifier or autoencoder"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; 0 if all went well, 1 if files or data cannot be used, 2 if the request makes no sense."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in _DELEGATED:
            return _delegate(_DELEGATED[arguments[0]][0], arguments[1:])
        # Read when torch is loaded: threads that sleep while they wait leave the cores to whoever else is at work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        keep_memory()
        args = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = args.run
        return run(args)
    except (ExplainerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


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
    add_common(score)
    score.add_argument("--out", type=Path, required=True, metavar="SCORES.csv")
    score.set_defaults(run=_score)

    explain = commands.add_parser("explain", help="attribution maps and counterfactuals of images")
    explain_command.add_arguments(explain)
    explain.set_defaults(run=explain_command.run)
    return parser


def _score(args: argparse.Namespace) -> int:
    from explainer.devices import choose_device  # loads torch
    from explainer.loaded import classifier_of_process
    from explainer.scores import score

    names = output_names(args.images, lambda path: path.name)
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


if __name__ == "__main__":
    sys.exit(main())
