"""Files in the media folder: written whole or not at all, under names that say nothing, never outside the folder."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings


class MediaError(Exception):
    """A path that is not one of the media folder's."""


def media_path(relative: str) -> Path:
    """Where a stored file lies. Raises MediaError for anything outside the media folder."""
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / relative).resolve()
    if not relative or path == root or not path.is_relative_to(root):
        raise MediaError(f"{relative!r} does not lie in the media folder.")
    return path


def media_present() -> bool:
    """Whether the media folder is there with its images, and not an empty place where a disk should be mounted."""
    return (Path(settings.MEDIA_ROOT) / "images").is_dir()


def content_name(folder: str, digest: str, suffix: str) -> str:
    """A name made of a SHA-256: the same content has the same name."""
    return f"{folder}/{digest[:2]}/{digest}{suffix}"


def random_name(folder: str, suffix: str) -> str:
    """A name that tells nothing about what it names, and that nobody can guess."""
    name = secrets.token_hex(16)
    return f"{folder}/{name[:2]}/{name}{suffix}"


def media_write(relative: str, data: bytes) -> None:
    """Store a file in the media folder, whole."""
    path = media_path(relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    file_write(path, data)


def file_write(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or all of it, even when the power goes off in between."""
    with file_draft(path) as stream:
        stream.write(data)


@contextmanager
def file_draft(path: Path) -> Iterator[IO[bytes]]:
    """A stream that becomes the file when the block ends well, and nothing when it does not."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).chmod(0o640)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def media_remove(relative: str) -> None:
    """Remove a stored file; one that is gone already is no error."""
    media_path(relative).unlink(missing_ok=True)


@contextmanager
def folder_draft(relative: str) -> Iterator[Path]:
    """A folder to write files into, which becomes `relative` when the block ends well, and nothing when it does not."""
    target = media_path(relative)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".draft-"))
    try:
        yield draft
        for path in draft.iterdir():
            path.chmod(0o640)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        draft.chmod(0o750)
        draft.replace(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def folder_remove(relative: str) -> None:
    """Remove a stored folder with its files; one that is gone already is no error."""
    path = media_path(relative)
    if path.exists():
        shutil.rmtree(path)


def folders_older(relative: str, than: datetime) -> list[str]:
    """Folders below `relative` that `random_name` named, drafts included, to which nothing was added since `than`."""
    root = Path(settings.MEDIA_ROOT).resolve()
    found = (path for path in (root / relative).glob("*/*") if path.is_dir())
    return [str(path.relative_to(root)) for path in found if path.stat().st_mtime < than.timestamp()]
