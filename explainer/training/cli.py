"""`python -m explainer train classifier|autoencoder|pair`: train the small models and put a pair together."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from explainer.errors import ExplainerError, UsageError
from explainer.training import autoencoder as autoencoder_training
from explainer.training import checkpoints
from explainer.training import classifier as classifier_training
from explainer.training.autoencoder import AutoencoderOptions
from explainer.training.classifier import ClassifierOptions
from explainer.training.data import (
    PARTS,
    Dataset,
    Part,
    TrainingDataError,
    load,
    patients_in,
    read_labels,
    split_by_patient,
)
from explainer.training.pair import PairDescription, build

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWN = "The images are drawn by a program of the software and bring no terms of their own."
UNSTATED = "How the images may be used was not stated: ask whoever provides them."


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument("--labels", type=Path, help="labels.csv (default: beside or in the folder of the images)")
    parser.add_argument("--size", type=int, default=224, help="pixels per side that the networks see")
    parser.add_argument("--split-seed", type=int, default=0, help="seed of the split by patient")
    parser.add_argument("--test-share", type=float, default=0.4, help="share of the patients kept for testing")
    parser.add_argument(
        "--validation-share", type=float, default=0.12, help="share of the patients kept for validation"
    )
    parser.add_argument(
        "--keep-for-test",
        type=Path,
        metavar="CSV",
        help="patients of the images named here (boxes.csv) go to the test part",
    )


def _add_training(parser: argparse.ArgumentParser, *, epochs: int) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--minutes", type=float, help="stop after this time whatever the epoch")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--architecture", type=json.loads, default={}, metavar="JSON", help="keyword arguments of the network"
    )
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
    parser.add_argument(
        "--reconstructions", type=Path, metavar="DIR", help="autoencoder whose reconstructions are mixed in"
    )
    parser.add_argument("--reconstructed", type=float, default=0.5, help="share of every batch that is reconstructed")
    parser.add_argument(
        "--latent-noise", type=float, default=0.0, help="noise on latents, as a share of their deviation"
    )
    parser.add_argument("--smallest", type=int, default=48, help="smallest size of random down-and-up-sampling")
    parser.add_argument("--noise", type=float, default=50, help="largest noise on the [-1024, 1024] scale")
    parser.set_defaults(run=_train_classifier)

    parser = subparsers.add_parser("autoencoder", help="train an autoencoder with elastic loss")
    _add_data(parser)
    _add_training(parser, epochs=100)
    parser.set_defaults(run=_train_autoencoder)

    parser = subparsers.add_parser(
        "pair", help="calibrate a classifier, measure it with an autoencoder, write the pair"
    )
    _add_data(parser)
    parser.add_argument("--classifier", type=Path, required=True, metavar="DIR")
    parser.add_argument("--autoencoder", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--test-images", type=Path, metavar="DIR", help="measure on these images instead of the test part"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the pair; its name is the pair's identifier")
    parser.add_argument("--dataset", required=True, help="what the images are, for the model card")
    parser.add_argument("--terms", help="how the images may be used, in sentences for the model card")
    parser.add_argument("--synthetic", action="store_true", help="the images are phantoms")
    parser.add_argument(
        "--image-name-pattern",
        required=True,
        metavar="REGEX",
        help="its one group is the patient's id in an image's name",
    )
    parser.add_argument("--note", action="append", default=[], help="a limit to be added to the model card")
    parser.add_argument("--cases", type=int, default=40, help="true positives per target that Latent Shift is tried on")
    parser.add_argument("--seed", type=int, default=0)
    _add_machine(parser)
    parser.set_defaults(run=_write_pair)


def _labels_of(images: Path) -> Path:
    for path in (images / "labels.csv", images.parent / "labels.csv"):
        if path.is_file():
            return path
    raise TrainingDataError(f"No labels.csv in or beside {images}; name it with --labels.")


def _parts(args: argparse.Namespace, targets: Sequence[str], parts: Sequence[Part]) -> dict[Part, Dataset]:
    rows = read_labels(args.labels or _labels_of(args.images), args.images, targets=targets)
    always_test = patients_in(args.keep_for_test, rows) if args.keep_for_test else frozenset()
    split = split_by_patient(
        rows, seed=args.split_seed, test=args.test_share, validation=args.validation_share, always_test=always_test
    )
    loaded = {}
    for part in parts:
        if not split[part]:
            raise TrainingDataError(f"The {part} part is empty: give more patients or another share.")
        loaded[part] = load(
            split[part], targets=targets, size=args.size, progress=not args.quiet, what=f"{part} images"
        )
    return loaded


def _provenance(args: argparse.Namespace, *earlier: checkpoints.Checkpoint | None) -> dict[str, Any]:
    """What the weights' metadata say about their making: this command after those of the weights it started from."""
    commands = [command for checkpoint in earlier if checkpoint for command in checkpoint.training.get("commands", ())]
    commands.append(args.command_line)
    return {"commands": list(dict.fromkeys(commands)), "reconstructions": bool(getattr(args, "reconstructions", None))}


def _train_classifier(args: argparse.Namespace) -> None:
    targets = tuple(name.strip() for name in args.targets.split(","))
    parts = _parts(args, targets, ("training", "validation"))
    counts = parts["training"].labels.sum(0).int().tolist()
    if 0 in counts:
        raise TrainingDataError(f"No training image has {targets[counts.index(0)]}.")
    start = checkpoint = coder = coder_checkpoint = None
    architecture = dict(args.architecture)
    if args.start_from:
        start, checkpoint = checkpoints.read_classifier(args.start_from)
        if tuple(checkpoint.training["options"]["targets"]) != targets:
            raise TrainingDataError(f"The weights in {args.start_from} were trained for other targets.")
        architecture = {key: value for key, value in checkpoint.architecture.items() if key != "n_targets"}
    if args.reconstructions:
        coder, coder_checkpoint = checkpoints.read_autoencoder(args.reconstructions)
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
        reconstructed=args.reconstructed,
        latent_noise=args.latent_noise,
        architecture=architecture,
    )
    best = classifier_training.train(
        parts["training"],
        parts["validation"],
        args.out,
        options=options,
        autoencoder=coder,
        start=start,
        provenance=_provenance(args, coder_checkpoint, checkpoint),
        progress=not args.quiet,
    )
    print(f"Best AUC on validation patients: {best:.3f}; weights in {args.out / checkpoints.CLASSIFIER_FILE}")


def _train_autoencoder(args: argparse.Namespace) -> None:
    parts = _parts(args, (), ("training", "validation"))
    start = checkpoint = None
    architecture = dict(args.architecture)
    if args.start_from:
        start, checkpoint = checkpoints.read_autoencoder(args.start_from)
        architecture = checkpoint.architecture
    options = AutoencoderOptions(
        epochs=args.epochs,
        minutes=args.minutes,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate or 1e-3,
        seed=args.seed,
        device=args.device,
        architecture=architecture,
    )
    best = autoencoder_training.train(
        parts["training"],
        parts["validation"],
        args.out,
        options=options,
        start=start,
        provenance=_provenance(args, checkpoint),
        progress=not args.quiet,
    )
    print(
        f"Best error on validation patients: {best:.1f} of 2048; weights in {args.out / checkpoints.AUTOENCODER_FILE}"
    )


def _write_pair(args: argparse.Namespace) -> None:
    try:
        groups = re.compile(args.image_name_pattern).groups
    except re.error as error:
        raise UsageError(f"--image-name-pattern is no regular expression: {error}.") from error
    if groups != 1:
        raise UsageError(f"--image-name-pattern must have one group, not {groups}.")
    targets = checkpoints.read_classifier(args.classifier)[1].training["options"]["targets"]
    split = (
        f"by patient, from a hash of the patient's id and the seed {args.split_seed}: {args.test_share:.0%} test, "
        f"{args.validation_share:.0%} validation, the rest training"
    )
    if args.keep_for_test:
        split += f"; every patient of an image in {args.keep_for_test.name} is in the test part"
    if args.test_images:
        parts = _parts(args, targets, ("training", "validation"))
        rows = read_labels(_labels_of(args.test_images), args.test_images, targets=targets)
        seen = {row.patient for data in parts.values() for row in data.rows} & {row.patient for row in rows}
        if seen:
            raise TrainingDataError(
                f"{len(seen)} patients of {args.test_images} are in the training or validation part."
            )
        parts["test"] = load(rows, targets=targets, size=args.size, progress=not args.quiet, what="test images")
        split += "; the test part is a separate series"
    else:
        parts = _parts(args, targets, PARTS)
    description = PairDescription(
        id=args.out.name,
        dataset=args.dataset,
        synthetic=args.synthetic,
        image_name_pattern=args.image_name_pattern,
        split=split + ".",
        terms=args.terms or (DRAWN if args.synthetic else UNSTATED),
        commands=(args.command_line,),
        notes=tuple(args.note),
    )
    result = build(
        description,
        classifier=args.classifier,
        autoencoder=args.autoencoder,
        parts=parts,
        out=args.out,
        cases=args.cases,
        seed=args.seed,
        progress=not args.quiet,
    )
    areas = ", ".join(f"{target.target} {target.auc:.3f}" for target in result.targets)
    print(f"AUC: {areas}. Drop of {result.drop:.2f} reached in {result.drop_share:.1%} of {result.drop_cases}.")
    print(f"Card: {args.out / 'MODEL_CARD.md'}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `train` with the given arguments."""
    parser = argparse.ArgumentParser(prog="python -m explainer train", description=__doc__)
    add_arguments(parser.add_subparsers(required=True, metavar="COMMAND"))
    args = parser.parse_args(argv)
    args.command_line = shlex.join(["python", "-m", "explainer", "train", *(sys.argv[1:] if argv is None else argv)])
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        args.run(args)
    except ExplainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
