"""Weights from a server or a folder into the cache: resumed where a download broke off, checked, whole or not at all.

What has arrived lies in NAME.part, with the server's version of the file in NAME.part.version. It gets its name only
when it is complete, looks like weights and has the SHA-256 that is pinned or recorded, if one is.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import re
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from tqdm import tqdm

from explainer.errors import ChangedWeightsError, DownloadError, MissingWeightsError, WeightsError
from explainer.weights import changed, expected_sha256, record_of, sha256_of, verify_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Seconds without a connection, or without a byte, after which a server counts as silent.
TIMEOUT = 60.0
#: How often a broken transfer is taken up again in one call, as long as each attempt brings something.
ATTEMPTS = 5
_CHUNK = 1 << 20
#: First bytes of what `torch.save` writes, today and in 2020, and of a ZIP archive.
_WEIGHTS = (b"PK\x03\x04", b"\x80")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class _RestartError(Exception):
    """What is there is not the beginning of what the server has."""


def fetch(url: str, target: Path, *, timeout: float = TIMEOUT, progress: bool = True) -> str:
    """Download `url` to `target` and return its SHA-256, which is recorded beside it.

    Raises DownloadError if the server does not give the file, or not all of it, or something else; ChangedWeightsError
    if the file is not the one that is pinned or recorded. In each case there is no `target`.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise DownloadError(f"{url} is no address of a web server: it must begin with https:// or http://.")
    with _part(target) as stream:
        if not target.exists():
            for _ in range(ATTEMPTS):
                before = _size(stream)
                if _receive(url, stream, target, timeout, progress=progress):
                    break
                if _size(stream) <= before:
                    raise DownloadError(_broken(target, stream, f"{url} sends no more"))
            else:
                raise DownloadError(_broken(target, stream, f"{url} broke off {ATTEMPTS} times"))
            _accept(stream, target, url)
    return verify_recorded(target)


def copy(source: Path, target: Path, *, progress: bool = True) -> str:
    """Copy a file of a folder to `target`, as `fetch` does; a SHA-256 recorded beside the source must be its own."""
    if not source.is_file():
        raise MissingWeightsError(f"There is no {source.name} in {source.parent}: fetch it there first.")
    with _part(target) as stream:
        if not target.exists():
            stream.truncate(0)
            with source.open("rb") as original, _bar(target.name, 0, source.stat().st_size, shown=progress) as bar:
                while chunk := original.read(_CHUNK):
                    stream.write(chunk)
                    bar.update(len(chunk))
            _accept(stream, target, str(source), recorded=expected_sha256(source))
    return verify_recorded(target)


@contextmanager
def _part(target: Path) -> Iterator[IO[bytes]]:
    """The partial file, for this process alone."""
    part, version = part_of(target), _version_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(
                f"{target.name} is being fetched by another process: wait until it is there."
            ) from error
        # Whoever was here before may have given it its name, between our opening and locking it.
        if not part.exists() or not os.path.samestat(part.stat(), os.fstat(stream.fileno())):
            if target.exists():
                yield stream
                return
            raise DownloadError(f"Another process has just given up on {target.name}: try again.")
        try:
            yield stream
        finally:
            if target.exists() or not _size(stream):
                part.unlink(missing_ok=True)
                version.unlink(missing_ok=True)


def part_of(target: Path) -> Path:
    """Where what has arrived of `target` lies."""
    return target.with_name(f"{target.name}.part")


def _version_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.version")


def _size(stream: IO[bytes]) -> int:
    stream.flush()
    return os.fstat(stream.fileno()).st_size


def _receive(url: str, stream: IO[bytes], target: Path, timeout: float, *, progress: bool) -> bool:
    """Add to `stream` what the server has beyond it; whether that is the whole file now."""
    version = _version_of(target)
    known = version.read_text(encoding="utf-8") if version.exists() else ""
    if not known:
        # Without knowing which version the beginning is of, it cannot be continued.
        stream.truncate(0)
    headers = {"Accept-Encoding": "identity", "User-Agent": "readerstudy"}
    if offset := _size(stream):
        headers |= {"Range": f"bytes={offset}-", "If-Range": known}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # `fetch` allows http and https only
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310  # as above
            start = _start(response, offset, known)
            stream.truncate(start)
            version.write_text(_version(response), encoding="utf-8")
            return _drain(response, stream, _expected(response, start, url), target.name, progress=progress)
    except _RestartError as error:
        if not offset:
            raise DownloadError(f"{url} answers with a part of the file that nobody asked for.") from error
        version.unlink()
        return _receive(url, stream, target, timeout, progress=progress)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
            version.unlink()
            return _receive(url, stream, target, timeout, progress=progress)
        raise DownloadError(f"{url} answered {error.code} {error.reason}: {_advice(error.code)}.") from error
    except (OSError, http.client.HTTPException) as error:
        if _size(stream) > offset:
            return False
        reason = getattr(error, "reason", None) or error
        raise DownloadError(_broken(target, stream, f"{url} cannot be reached or broke off ({reason})")) from error


def _start(response: http.client.HTTPResponse, offset: int, known: str) -> int:
    """Where in the file the answer begins. Raises _RestartError unless that is where ours ends, in the same version."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != offset or _version(response) != known:
        raise _RestartError
    return offset


def _version(response: http.client.HTTPResponse) -> str:
    """What tells this version of the file from every other, or an empty string if the server does not say."""
    tag: str = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def _expected(response: http.client.HTTPResponse, start: int, url: str) -> int | None:
    """Bytes of the whole file. None for a transfer in chunks, which says itself where it ends."""
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{url} sends a web page and no file: is this a proxy that wants you to sign in?")
    length = response.headers.get("Content-Length")
    if length is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise DownloadError(f"{url} does not say how long the file is, so nobody could tell whether it is whole.")
    return None if length is None else start + int(length)


def _drain(
    response: http.client.HTTPResponse, stream: IO[bytes], expected: int | None, name: str, *, progress: bool
) -> bool:
    with _bar(name, _size(stream), expected, shown=progress) as bar:
        # As much as there is, so that what came before a break is kept.
        while chunk := response.read1(_CHUNK):
            stream.write(chunk)
            bar.update(len(chunk))
    return expected is None or _size(stream) == expected


def _bar(name: str, start: int, total: int | None, *, shown: bool) -> tqdm[NoReturn]:
    return tqdm(
        total=total, initial=start, desc=name[:40], unit="B", unit_scale=True, unit_divisor=1024, disable=not shown
    )


def _accept(stream: IO[bytes], target: Path, source: str, *, recorded: str = "") -> None:
    """Give the partial file its name, if it is what it should be; otherwise it is deleted."""
    stream.flush()
    os.fsync(stream.fileno())
    part = part_of(target)
    try:
        digest = _checked(part, target, source, recorded)
    except WeightsError:
        stream.truncate(0)
        raise
    if not record_of(target).exists():
        record_of(target).write_text(f"{digest}  {target.name}\n", encoding="ascii")
    part.replace(target)


def _checked(part: Path, target: Path, source: str, recorded: str) -> str:
    check_content(part, target.name, source)
    digest = sha256_of(part)
    expected = expected_sha256(target) or recorded
    if expected and digest != expected:
        raise ChangedWeightsError(changed(target, digest, expected))
    return digest


def check_content(path: Path, name: str, source: str) -> None:
    """Raise DownloadError if what `path` holds cannot be the weights or settings called `name`, whole."""
    with path.open("rb") as stream:
        beginning = stream.read(512)
    if name.endswith(".yaml"):
        fits = bool(beginning.strip()) and not beginning.lstrip().startswith(b"<")
    else:
        fits = beginning.startswith(_WEIGHTS)
    if not fits:
        raise DownloadError(
            f"{source} does not hold {name}: it begins with {beginning[:20]!r}. Is it a web page, for instance of a "
            "proxy? Open the address in a browser to see."
        )
    if beginning.startswith(_WEIGHTS[0]) and not zipfile.is_zipfile(path):
        raise DownloadError(f"{source} holds only the beginning of {name}: get the file again.")


def _advice(code: int) -> str:
    if code in {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE}:
        return "the file is not there any more; look for it where TorchXRayVision is developed"
    if code in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN, http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}:
        return "it, or a proxy on the way, does not let you"
    return "try again later"


def _broken(target: Path, stream: IO[bytes], what: str) -> str:
    arrived, version = _size(stream), _version_of(target)
    if arrived and version.exists() and version.read_text(encoding="utf-8"):
        return f"{target.name} is not complete: {what}. The next attempt goes on after the {arrived} bytes that came."
    return f"{target.name} is not complete: {what}. Check the connection, and try again."
