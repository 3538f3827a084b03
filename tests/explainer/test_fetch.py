"""Weights are fetched whole or not at all, from a real server that does what servers and networks do."""

from __future__ import annotations

import fcntl
import hashlib
import io
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest

from explainer.__main__ import main
from explainer.catalogue.models import released
from explainer.errors import ChangedWeightsError, DownloadError, MissingWeightsError
from explainer.fetch import copy, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = released.MODELS["xrv-nih"].weights


def weights(seed: int = 0, size: int = 300_000) -> bytes:
    """A ZIP archive, as `torch.save` writes one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", np.random.default_rng(seed).bytes(size))
    return stream.getvalue()


@dataclass
class Server:
    """What the server holds and how it behaves; `requests` are the Range and If-Range headers that came."""

    content: bytes = field(default_factory=weights)
    etag: str = '"first"'
    modified: str = ""
    ranges: bool = True
    status: int = 200
    kind: str = "application/octet-stream"
    says_length: bool = True
    chunked: bool = False
    #: Bytes after which each answer breaks off, while there are any; 0 means before the headers.
    breaks: list[int] = field(default_factory=list)
    ignores_if_range: bool = False
    silent: threading.Event | None = None
    requests: list[tuple[str | None, str | None]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    server: Serving
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server, self.close_connection = self.server.behaviour, True
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        server.requests.append((wanted, condition))
        if server.silent is not None:
            server.silent.wait(20)
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        start, status = 0, 200
        fresh = server.ignores_if_range or condition in {server.etag, server.modified}
        if wanted is not None and server.ranges and fresh:
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            if start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.answer(server, start, status)

    def answer(self, server: Server, start: int, status: int) -> None:
        stop = server.breaks.pop(0) if server.breaks else None
        if stop == 0:
            return
        body = server.content[start:]
        self.send_response(status)
        self.send_header("Content-Type", server.kind)
        for header, value in (("ETag", server.etag), ("Last-Modified", server.modified)):
            if value:
                self.send_header(header, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = (
                b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100_000], body[100_000:]))
                + b"0\r\n\r\n"
            )
        elif server.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:stop])


class Serving(ThreadingHTTPServer):
    behaviour: Server
    daemon_threads = True


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Serving(("127.0.0.1", 0), Handler)
    serving.behaviour = Server(url=f"http://127.0.0.1:{serving.server_port}/{NAME}")
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield serving.behaviour
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / NAME


def files_beside(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def get(server: Server, target: Path, timeout: float = 5) -> str:
    return fetch(server.url, target, timeout=timeout, progress=False)


def test_a_file_arrives_whole_with_its_checksum_beside_it(server: Server, target: Path) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    assert get(server, target) == digest
    assert target.read_bytes() == server.content
    assert target.with_name(f"{NAME}.sha256").read_text().split() == [digest, NAME]
    assert files_beside(target) == {NAME, f"{NAME}.sha256"}


def test_a_transfer_in_chunks_arrives_whole(server: Server, target: Path) -> None:
    server.chunked = True
    get(server, target)
    assert target.read_bytes() == server.content


def test_a_broken_download_goes_on_where_it_broke(server: Server, target: Path) -> None:
    server.breaks = [100_000, 50_000]
    get(server, target)
    assert target.read_bytes() == server.content
    assert server.requests == [(None, None), ("bytes=100000-", '"first"'), ("bytes=150000-", '"first"')]


def test_a_download_that_breaks_for_good_is_resumed_by_the_next_call(server: Server, target: Path) -> None:
    server.breaks = [100_000, *[0] * 5]
    with pytest.raises(DownloadError, match="goes on after the 100000 bytes"):
        get(server, target)
    assert not target.exists()
    server.breaks.clear()
    get(server, target)
    assert target.read_bytes() == server.content
    assert server.requests[-1] == ("bytes=100000-", '"first"')
    assert files_beside(target) == {NAME, f"{NAME}.sha256"}


def test_a_server_without_ranges_starts_again(server: Server, target: Path) -> None:
    server.ranges, server.breaks = False, [100_000]
    get(server, target)
    assert target.read_bytes() == server.content


def test_a_server_that_names_no_version_starts_again(server: Server, target: Path) -> None:
    server.etag, server.breaks = "", [100_000]
    get(server, target)
    assert target.read_bytes() == server.content
    assert server.requests == [(None, None), (None, None)]


def test_a_weak_tag_is_no_version_but_a_date_is(server: Server, target: Path) -> None:
    server.etag, server.modified, server.breaks = 'W/"weak"', "Mon, 02 Feb 2026 10:00:00 GMT", [100_000]
    get(server, target)
    assert target.read_bytes() == server.content
    assert server.requests[-1] == ("bytes=100000-", server.modified)


@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_two_versions_of_a_file_are_never_put_together(server: Server, target: Path, ignores_if_range: bool) -> None:
    server.breaks = [100_000, *[0] * 5]
    with pytest.raises(DownloadError):
        get(server, target)
    server.content, server.etag, server.ignores_if_range = weights(seed=1), '"second"', ignores_if_range
    server.breaks.clear()
    get(server, target)
    assert target.read_bytes() == server.content


def test_a_part_longer_than_the_file_starts_again(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(server.content + b"more")
    target.with_name(f"{NAME}.part.version").write_text(server.etag)
    get(server, target)
    assert target.read_bytes() == server.content


@pytest.mark.parametrize(("status", "text"), [(404, "not there any more"), (403, "does not let you"), (500, "later")])
def test_an_error_of_the_server_leaves_nothing_behind(server: Server, target: Path, status: int, text: str) -> None:
    server.status = status
    with pytest.raises(DownloadError, match=f"{status}.*{text}"):
        get(server, target)
    assert files_beside(target) == set()


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_not_taken_for_weights(server: Server, target: Path, kind: str) -> None:
    server.content, server.kind = b"<!doctype html><title>Sign in</title>" * 20, kind
    with pytest.raises(DownloadError, match="web page"):
        get(server, target)
    assert files_beside(target) == set()


def test_a_server_that_hides_the_length_is_refused(server: Server, target: Path) -> None:
    server.says_length = False
    with pytest.raises(DownloadError, match="how long"):
        get(server, target)
    assert not target.exists()


def test_a_silent_server_is_left_after_the_timeout(server: Server, target: Path) -> None:
    server.silent = threading.Event()
    with pytest.raises(DownloadError, match="timed out"):
        get(server, target, timeout=0.2)
    server.silent.set()
    assert not target.exists()


def test_a_server_that_is_not_there_is_said(target: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(f"http://127.0.0.1:9/{NAME}", target, progress=False)
    with pytest.raises(DownloadError, match="no address of a web server"):
        fetch(f"file:///etc/{NAME}", target, progress=False)


def test_a_recorded_checksum_is_a_pin(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.sha256").write_text(f"{'0' * 64}  {NAME}\n")
    with pytest.raises(ChangedWeightsError, match="damaged or was exchanged"):
        get(server, target)
    assert files_beside(target) == {f"{NAME}.sha256"}


def test_a_pin_of_the_table_wins_over_the_record(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get(server, target)
    monkeypatch.setitem(released.PINNED, NAME, "1" * 64)
    with pytest.raises(ChangedWeightsError, match=r"1{64} is pinned"):
        get(server, target)


def test_a_file_that_another_process_fetches_is_left_to_it(server: Server, target: Path) -> None:
    target.parent.mkdir()
    with target.with_name(f"{NAME}.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="by another process"):
            get(server, target)
    assert server.requests == []


def test_many_fetches_at_once_end_with_one_whole_file(server: Server, target: Path) -> None:
    outcomes: list[str] = []

    def run() -> None:
        try:
            outcomes.append(get(server, target))
        except DownloadError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    digest = hashlib.sha256(server.content).hexdigest()
    assert digest in outcomes
    assert all(outcome == digest or "another process" in outcome.lower() for outcome in outcomes)
    assert target.read_bytes() == server.content
    assert files_beside(target) == {NAME, f"{NAME}.sha256"}


def test_a_file_that_is_here_is_not_fetched_again_but_checked(server: Server, target: Path) -> None:
    get(server, target)
    get(server, target)
    assert len(server.requests) == 1
    target.write_bytes(target.read_bytes() + b"!")
    with pytest.raises(ChangedWeightsError):
        get(server, target)


def test_a_folder_serves_sites_without_internet(server: Server, target: Path, tmp_path: Path) -> None:
    carried = tmp_path / "stick" / NAME
    digest = get(server, carried)
    assert copy(carried, target, progress=False) == digest
    assert target.read_bytes() == carried.read_bytes()
    with pytest.raises(MissingWeightsError, match="fetch it there first"):
        copy(tmp_path / "empty" / NAME, tmp_path / "other" / NAME, progress=False)


def test_a_file_that_changed_on_its_way_is_not_copied(server: Server, target: Path, tmp_path: Path) -> None:
    carried = tmp_path / "stick" / NAME
    get(server, carried)
    carried.write_bytes(weights(seed=2))
    with pytest.raises(ChangedWeightsError):
        copy(carried, target, progress=False)
    assert files_beside(target) == set()


def test_half_a_file_in_a_folder_is_not_copied(target: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(weights()[:200_000])
    with pytest.raises(DownloadError, match="only the beginning"):
        copy(tmp_path / NAME, target, progress=False)
    assert files_beside(target) == set()


def test_the_command_fetches_lists_and_verifies(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, mirror = str(tmp_path / "weights"), server.url.rpartition("/")[0]
    assert main(["weights", "fetch", "xrv-nih", "--folder", folder, "--mirror", mirror]) == 0
    digest = hashlib.sha256(server.content).hexdigest()
    output = capsys.readouterr()
    assert f"fetched, SHA-256 {digest}" in output.out
    assert "100%" in output.err
    assert main(["weights", "list", "--folder", folder]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("xrv-nih"))
    assert line.split() == ["xrv-nih", f"{len(server.content) / 1e6:.1f}", "MB", "recorded", digest[:12], NAME]
    assert main(["weights", "verify", "--folder", folder]) == 0
    assert main(["weights", "verify", "xrv-nih", "xrv-all", "--folder", folder]) == 1
    output = capsys.readouterr()
    assert f"{NAME}: ok" in output.out
    assert "weights fetch xrv-all" in output.err


def test_verify_finds_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / NAME
    path.write_bytes(weights())
    assert main(["weights", "verify", "--folder", str(tmp_path)]) == 0
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert main(["weights", "verify", "--folder", str(tmp_path)]) == 1
    assert "damaged or was exchanged" in capsys.readouterr().err


def test_one_file_that_fails_does_not_keep_the_others_from_being_fetched(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / NAME).write_bytes(server.content)
    arguments = ["weights", "fetch", "chexpert", "xrv-all", "xrv-nih"]
    assert main([*arguments, "--folder", str(tmp_path / "to"), "--from", str(tmp_path / "from")]) == 1
    assert (tmp_path / "to" / NAME).read_bytes() == server.content
    assert main(["weights", "fetch", "chexpert", "--folder", str(tmp_path / "to")]) == 1
    assert "academictorrents.com" in capsys.readouterr().err


def test_an_unknown_identifier_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "resnet9000"]) == 2
    assert "xrv-vqgan-768-sd" in capsys.readouterr().err
