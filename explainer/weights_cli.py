"""`python -m explainer weights`: which released weights are here, fetch them, check that they are what they were."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from explainer.catalogue.models import released
from explainer.errors import DownloadError, MissingWeightsError, UnknownModelError, WeightsError
from explainer.fetch import TIMEOUT, check_content, copy, fetch, part_of
from explainer.weights import expected_sha256, verify_recorded, weights_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from explainer.catalogue.models.released import ReleasedFile


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; 0 if all went well, 1 if a file is missing, damaged or could not be fetched."""
    args = _parser().parse_args(argv)
    args.folder = args.folder or weights_folder()
    unknown = [identifier for identifier in getattr(args, "ids", ()) if identifier not in released.MODELS]
    if unknown:
        raise UnknownModelError(
            f"There are no released weights of {', '.join(unknown)}. Known: {', '.join(released.MODELS)}."
        )
    run: Callable[[argparse.Namespace], int] = args.run
    return run(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m explainer weights", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="all released files, and which of them are here")
    listing.set_defaults(run=_list)

    fetching = commands.add_parser("fetch", help="get the files of models, from the internet or a folder")
    fetching.add_argument("ids", nargs="+", metavar="ID", help="identifier of a classifier or autoencoder")
    where = fetching.add_mutually_exclusive_group()
    where.add_argument("--from", dest="source", type=Path, metavar="DIR", help="copy them from this folder instead")
    where.add_argument("--mirror", default=released.DOWNLOADS, metavar="URL", help="address that has the files")
    fetching.add_argument(
        "--timeout", type=float, default=TIMEOUT, metavar="S", help=f"seconds of silence to bear (default: {TIMEOUT:g})"
    )
    fetching.set_defaults(run=_fetch)

    verifying = commands.add_parser("verify", help="compare files with their pinned or recorded SHA-256")
    verifying.add_argument("ids", nargs="*", metavar="ID", help="default: all whose files are here")
    verifying.set_defaults(run=_verify)

    for command in (listing, fetching, verifying):
        command.add_argument(
            "--folder", type=Path, metavar="DIR", help=f"folder of the weights (default: {weights_folder()})"
        )
    return parser


def _list(args: argparse.Namespace) -> int:
    print(f"in {args.folder}:")
    print(f"{'identifier':24} {'size':>10} {'SHA-256':22} file")
    for identifier, model in released.MODELS.items():
        for file in model.files:
            path = args.folder / file.name
            print(f"{identifier:24} {_present(path):>10} {_known(path):22} {file.name}")
    return 0


def _present(path: Path) -> str:
    if path.is_file():
        return _megabytes(path)
    part = part_of(path)
    return f"{_megabytes(part)} of ?" if part.is_file() else "absent"


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _known(path: Path) -> str:
    expected = expected_sha256(path)
    if not expected:
        return "not used yet" if path.is_file() else "-"
    return f"{'pinned' if path.name in released.PINNED else 'recorded'} {expected[:12]}"


def _fetch(args: argparse.Namespace) -> int:
    def one(file: ReleasedFile, target: Path) -> str:
        if target.is_file():
            verify_recorded(target)
            return "is here already"
        if args.source is not None:
            return f"copied, SHA-256 {copy(args.source / file.name, target)}"
        if file.source:
            raise DownloadError(
                f"{file.name} cannot be downloaded from here. {released.advice(file.name)}, and put it into "
                f"{args.folder} or name its folder with --from."
            )
        address = f"{args.mirror.rstrip('/')}/{file.name}"
        return f"fetched, SHA-256 {fetch(address, target, timeout=args.timeout)}"

    return _each(args, args.ids, one)


def _verify(args: argparse.Namespace) -> int:
    def one(file: ReleasedFile, target: Path) -> str:
        if not target.is_file():
            raise MissingWeightsError(f"{file.name} is not in {args.folder}. {released.advice(file.name)}.")
        check_content(target, file.name, str(target))
        known = expected_sha256(target)
        digest = verify_recorded(target)
        return "ok" if known else f"recorded as {digest}, which nobody has compared with anything yet"

    here = [
        identifier
        for identifier, model in released.MODELS.items()
        if any((args.folder / file.name).is_file() for file in model.files)
    ]
    if not args.ids and not here:
        print(f"There are no released weights in {args.folder}.")
    return _each(args, args.ids or here, one)


def _each(args: argparse.Namespace, ids: Sequence[str], one: Callable[[ReleasedFile, Path], str]) -> int:
    """Do `one` for each file of the models, whatever becomes of the others; 1 if something was wrong."""
    failed = False
    for file in dict.fromkeys(file for identifier in ids for file in released.MODELS[identifier].files):
        try:
            print(f"{file.name}: {one(file, args.folder / file.name)}")
        except (WeightsError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
    return int(failed)
