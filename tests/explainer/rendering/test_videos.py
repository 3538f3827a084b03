"""Videos show every frame there and back again, whatever its size, with what was predicted."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence

from explainer import rendering
from explainer.errors import RenderingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CAPTION = 48


def sequence(count: int, height: int, width: int) -> tuple[np.ndarray, list[float], list[float]]:
    frames = np.random.default_rng(0).integers(0, 256, (count, height, width), dtype=np.uint8)
    return frames, [float(i - 1) for i in range(count)], [0.1 * i for i in range(count)]


def frames_of_gif(video: bytes) -> list[Image.Image]:
    with Image.open(io.BytesIO(video)) as image:
        shown = []
        for frame in ImageSequence.Iterator(image):
            shown.append(frame.convert("L"))
            assert image.info["duration"] == 80
        assert image.info["loop"] == 0
    return shown


def size_and_count(video: bytes, folder: Path) -> tuple[tuple[int, int], int]:
    path = folder / "video.mp4"
    path.write_bytes(video)
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    reader = imageio_ffmpeg.read_frames(str(path))
    size = next(reader)["size"]
    reader.close()
    return size, count


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(224, 224, (448, 448)), (33, 301, (602, 66)), (451, 449, (450, 452)), (3, 1, (224, 6)), (1, 1, (224, 2))],
)
def test_an_mp4_has_every_frame_there_and_back_in_even_size(
    height: int, width: int, expected: tuple[int, int], tmp_path: Path
) -> None:
    size, count = size_and_count(rendering.mp4(*sequence(5, height, width)), tmp_path)
    assert size == (expected[0], expected[1] + CAPTION)
    assert count == 8


def test_an_mp4_shows_what_the_frames_show(tmp_path: Path) -> None:
    # Steps from black to white: the middle of each frame, there and back again.
    frames = np.stack([np.full((64, 64), grey, dtype=np.uint8) for grey in (10, 90, 170, 250)])
    path = tmp_path / "video.mp4"
    path.write_bytes(rendering.mp4(frames, [-2, -1, 0, 1], [0.1, 0.2, 0.3, 0.4]))
    decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo"]
    raw = subprocess.run([*decode, "-pix_fmt", "gray", "-"], capture_output=True, check=True).stdout
    middles = np.frombuffer(raw, np.uint8).reshape(6, 128 + CAPTION, 224)[:, 64, 112]
    np.testing.assert_allclose(middles.astype(int), [10, 90, 170, 250, 170, 90], atol=3)


@pytest.mark.parametrize("width", [224, 225, 300])
def test_a_gif_holds_every_frame_exactly(width: int) -> None:
    frames, lambdas, predictions = sequence(4, 51, width)
    shown = frames_of_gif(rendering.gif(frames, lambdas, predictions))
    assert len(shown) == 6
    for image, index in zip(shown, [0, 1, 2, 3, 2, 1], strict=True):
        np.testing.assert_array_equal(np.asarray(image)[:51, :width], frames[index])


def test_equal_frames_stay_frames_of_a_gif() -> None:
    shown = frames_of_gif(rendering.gif(np.zeros((5, 8, 8), dtype=np.uint8), [0.0] * 5, [0.5] * 5))
    assert len(shown) == 8


def test_the_bar_is_as_long_as_the_prediction_and_stays_within_its_frame() -> None:
    frames = np.zeros((4, 16, 224), dtype=np.uint8)
    shown = frames_of_gif(rendering.gif(frames, [-1, 0, 1, 2], [-0.5, 0.25, 0.75, 1.5]))
    lengths = [int((np.asarray(image)[16 + 38, 8:217] == 255).sum()) for image in shown[:4]]
    # 209 pixels from 8 to 216: the first is there at 0, and that of the mark, grey, is missing where the bar passes it.
    assert lengths == [1, 52, 156, 208]


@pytest.mark.parametrize("encode", [rendering.mp4, rendering.gif])
def test_a_video_repeats_byte_for_byte_also_from_threads(encode: Callable[..., bytes]) -> None:
    arguments = sequence(6, 33, 33)
    with ThreadPoolExecutor(3) as pool:
        videos = set(pool.map(lambda _: encode(*arguments), range(4)))
    assert len(videos) == 1


def test_a_title_that_does_not_fit_leaves_room_for_lambda() -> None:
    arguments = sequence(3, 20, 224)
    assert rendering.gif(*arguments, title="Enlarged Cardiomediastinum " * 4) == rendering.gif(*arguments)
    assert rendering.gif(*arguments, title="Mass") != rendering.gif(*arguments)


@pytest.mark.parametrize("encode", [rendering.mp4, rendering.gif])
@pytest.mark.parametrize("count", [0, 1])
def test_a_video_of_one_frame_is_refused(encode: Callable[..., bytes], count: int) -> None:
    with pytest.raises(RenderingError, match="two frames: raise the setting frames"):
        encode(np.zeros((count, 8, 8), dtype=np.uint8), [0.0] * count, [0.5] * count)


@pytest.mark.parametrize("program", [sys.executable, "/nowhere/ffmpeg"])
def test_an_encoder_that_fails_is_named(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python takes none of ffmpeg's options, and ends with a message and an exit status.
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", program)
    arguments: Any = sequence(3, 8, 8)
    with pytest.raises(RenderingError, match="ffmpeg"):
        rendering.mp4(*arguments)
