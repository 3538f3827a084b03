"""`python -m explainer train classifier|autoencoder|pair`: train the small models and put a pair together."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from explainer.training import autoencoder as autoencoder_training
from explainer.training import checkpoints
from explainer.training import classifier as classifier_training
from explainer.training.autoencoder import AutoencoderOptions
from explainer.training.classifier import ClassifierOptions
from explainer.training.data import Dataset, Part, TrainingDataError, load, patients_in, read_labels, split_by_patient


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument("--labels", type=Path, help="labels.csv (default: beside or in the folder of the images)")
    parser.add_argument("--size", type=int, default=224, help="pixels per side that the networks see")
    parser.add_argument("--split-seed", type=int, default=0, help="seed of the split by patient")
    parser.add_argument("--test-share", type=float, default=0.4, help="share of the patients kept for testing")
    parser.add_argument("--validation-share", type=float, default=0.12, help="share of the patients kept for validation")
    parser.add_argument(
        "--keep-for-test", type=Path, metavar="CSV", help="patients of the images named here (boxes.csv) go to the test part"
    )


def _add_training(parser: argparse.ArgumentParser, *, epochs: int) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--minutes", type=float, help="stop after this time whatever the epoch")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--architecture", type=json.loads, default={}, metavar="JSON", help="keyword arguments of the network")
    parser.add_argument("--start-from", type=Path, metavar="DIR", help="go on from the weights in this folder")
    _add_machine(parser)


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def add_arguments(subparsers: Any) -> None:
    """Add the subcommands of `train`."""
    parser = subparsers.add_parser("classifier", help="train a multi-label classifier")
    _add_data(parser)
    _add_training(parser, epochs=60)
    parser.add_argument("--targets", required=True, help="names separated by commas, as in labels.csv")
    parser.add_argument("--flip", action="store_true", help="mirror images at random")
    parser.add_argument("--reconstructions", type=Path, metavar="DIR", help="autoencoder whose reconstructions are mixed in")
    parser.add_argument("--smallest", type=int, default=48, help="smallest size of random down-and-up-sampling")
    parser.add_argument("--noise", type=float, default=50, help="largest noise on the [-1024, 1024] scale")
    parser.set_defaults(run=_train_classifier)

    parser = subparsers.add_parser("autoencoder", help="train an autoencoder with elastic loss")
    _add_data(parser)
    _add_training(parser, epochs=100)
    parser.set_defaults(run=_train_autoencoder)


def _parts(args: argparse.Namespace, targets: Sequence[str], parts: Sequence[Part]) -> dict[Part, Dataset]:
    labels = args.labels or next(
        (path for path in (args.images / "labels.csv", args.images.parent / "labels.csv") if path.is_file()), None
    )
    if labels is None:
        raise TrainingDataError(f"No labels.csv in or beside {args.images}; name it with --labels.")
    rows = read_labels(labels, args.images)
    always_test = patients_in(args.keep_for_test, rows) if args.keep_for_test else frozenset()
    split = split_by_patient(
        rows, seed=args.split_seed, test=args.test_share, validation=args.validation_share, always_test=always_test
    )
    loaded = {}
    for part in parts:
        if not split[part]:
            raise TrainingDataError(f"The {part} part is empty: give more patients or another share.")
        loaded[part] = load(split[part], targets=targets, size=args.size, progress=not args.quiet, what=f"{part} images")
    return loaded


def _train_classifier(args: argparse.Namespace) -> None:
    targets = tuple(name.strip() for name in args.targets.split(","))
    parts = _parts(args, targets, ("training", "validation"))
    counts = parts["training"].labels.sum(0).int().tolist()
    if 0 in counts:
        raise TrainingDataError(f"No training image has {targets[counts.index(0)]}.")
    options = ClassifierOptions(
        targets=targets,
        epochs=args.epochs,
        minutes=args.minutes,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate or 2e-3,
        seed=args.seed,
        device=args.device,
        flip=args.flip,
        smallest=args.smallest,
        noise=args.noise,
        architecture=args.architecture,
    )
    start = None
    if args.start_from:
        start, checkpoint = checkpoints.read_classifier(args.start_from)
        options.architecture.update({k: v for k, v in checkpoint.architecture.items() if k != "n_targets"})
    model = checkpoints.read_autoencoder(args.reconstructions)[0] if args.reconstructions else None
    best = classifier_training.train(
        parts["training"],
        parts["validation"],
        args.out,
        options=options,
        autoencoder=model,
        start=start,
        progress=not args.quiet,
    )
    print(f"Best AUC on validation patients: {best:.3f}; weights in {args.out / checkpoints.CLASSIFIER_FILE}")


def _train_autoencoder(args: argparse.Namespace) -> None:
    parts = _parts(args, (), ("training", "validation"))
    options = AutoencoderOptions(
        epochs=args.epochs,
        minutes=args.minutes,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate or 1e-3,
        seed=args.seed,
        device=args.device,
        architecture=args.architecture,
    )
    start = None
    if args.start_from:
        start, checkpoint = checkpoints.read_autoencoder(args.start_from)
        options.architecture.update(checkpoint.architecture)
    best = autoencoder_training.train(
        parts["training"], parts["validation"], args.out, options=options, start=start, progress=not args.quiet
    )
    print(f"Best error on validation patients: {best:.1f} of 2048; weights in {args.out / checkpoints.AUTOENCODER_FILE}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `train` with the given arguments."""
    parser = argparse.ArgumentParser(prog="python -m explainer train", description=__doc__)
    add_arguments(parser.add_subparsers(required=True, metavar="COMMAND"))
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        args.run(args)
    except (TrainingDataError, checkpoints.CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
