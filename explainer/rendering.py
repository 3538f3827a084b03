"""Pictures of an explanation: the only place that ranks or colours a map and writes strips and videos."""

from __future__ import annotations

import io
import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explainer.errors import RenderingError
from explainer.types import LATENT_SHIFT, Counterfactual, Explanation, FloatMap

if TYPE_CHECKING:
    from collections.abc import Sequence

GreyImage = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]

#: Share of the pixels that an overlay marks, in percent.
TOP_PERCENT = 5.0
RED = (255, 0, 0)
INPUT_RANGE = (-1024.0, 1024.0)
#: Widest strip; canvases beyond 16,384 pixels are not drawn by every browser.
_WIDEST_STRIP = 8192
_FRAMES_PER_SECOND = 12
_VIDEO_SCALE = 2
_CAPTION_HEIGHT = 48
_FEWEST_FRAMES = 2


@dataclass(frozen=True)
class Rendered:
    """Files of an explanation: overlays by method (PNG); strip (PNG), curve and video (MP4) of the counterfactual."""

    overlays: dict[str, bytes]
    filmstrip: bytes | None
    curve: dict[str, Any] | None
    mp4: bytes | None


def render(explanation: Explanation, *, percent: float = TOP_PERCENT) -> Rendered:
    """Every picture of an explanation, as bytes."""
    background = to_grey(explanation.image)
    overlays = {name: png(overlay(background, values, percent=percent)) for name, values in explanation.maps.items()}
    sequence = explanation.counterfactual
    if sequence is None:
        return Rendered(overlays, None, None, None)
    frames = to_grey(sequence.frames)
    return Rendered(
        overlays, png(filmstrip(frames)), curve(sequence), mp4(frames, sequence.lambdas, sequence.predictions)
    )


def top_pixels(values: FloatMap, count: int) -> BoolMap:
    """The `count` largest values of a map (H, W), exactly; of equal values those nearer the start of the array."""
    if not 0 <= count <= values.size:
        raise RenderingError(f"A map of {values.size} pixels has no top {count}.")
    if not np.isfinite(values).all():
        raise RenderingError("A map with NaN or infinity has no top pixels.")
    marked = np.zeros(values.size, dtype=np.bool_)
    marked[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return marked.reshape(values.shape)


def top_percent(values: FloatMap, percent: float) -> BoolMap:
    """The largest `percent` of a map, rounded to whole pixels."""
    if not 0 < percent <= 100:  # percent
        raise RenderingError(f"The share of pixels must be above 0 and at most 100 percent, not {percent}.")
    return top_pixels(values, round(values.size * percent / 100))


def to_grey(image: FloatMap) -> GreyImage:
    """Images on the scale [-1024, 1024] as 8-bit grey; what exceeds the scale is clipped."""
    low, high = INPUT_RANGE
    grey: GreyImage = np.rint(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return grey


def overlay(background: GreyImage, values: FloatMap, *, percent: float = TOP_PERCENT) -> GreyImage:
    """RGB image (H, W, 3): the X-ray in grey, the map's largest `percent` of pixels in red."""
    if background.shape != values.shape:
        raise RenderingError(f"A map of {values.shape} pixels does not fit an image of {background.shape}.")
    picture = np.repeat(background[..., None], 3, axis=2)
    picture[top_percent(values, percent)] = RED
    return picture


def png(pixels: GreyImage) -> bytes:
    """Lossless PNG of grey (H, W) or RGB (H, W, 3) pixels, without metadata."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def strip_columns(frames: int, width: int) -> int:
    """Frames per row of a filmstrip."""
    return max(1, min(frames, _WIDEST_STRIP // width))


def filmstrip(frames: GreyImage) -> GreyImage:
    """Frames (F, H, W) beside each other, row by row; unused places at the end are black."""
    count, height, width = frames.shape
    columns = strip_columns(count, width)
    rows = math.ceil(count / columns)
    strip = np.zeros((rows * height, columns * width), dtype=np.uint8)
    for index, frame in enumerate(frames):
        top, left = (index // columns) * height, (index % columns) * width
        strip[top : top + height, left : left + width] = frame
    return strip


def curve(sequence: Counterfactual) -> dict[str, Any]:
    """Lambda and prediction of every frame, why the search stopped, and how the filmstrip is laid out."""
    count, height, width = sequence.frames.shape
    return {
        "lambdas": list(sequence.lambdas),
        "predictions": list(sequence.predictions),
        "stop_reason": dict(sequence.stop_reason),
        "zero": sequence.zero,
        "frames": count,
        "frame_width": width,
        "frame_height": height,
        "columns": strip_columns(count, width),
    }


def mp4(frames: GreyImage, lambdas: Sequence[float], predictions: Sequence[float]) -> bytes:
    """H.264 video of the frames there and back again, with the prediction below, for download."""
    if len(frames) < _FEWEST_FRAMES:
        raise RenderingError("A video needs at least two frames.")
    captioned = [_captioned(*frame) for frame in zip(frames, lambdas, predictions, strict=True)]
    boomerang = [*captioned, *captioned[-2:0:-1]]
    height, width = captioned[0].shape[:2]
    from imageio_ffmpeg import write_frames  # only videos need it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        writer = write_frames(
            str(path),
            (width, height),
            pix_fmt_in="gray",
            fps=_FRAMES_PER_SECOND,
            codec="libx264",
            macro_block_size=2,
            ffmpeg_log_level="error",
            # Index in front, so that it plays while loading; no name or time of the encoder, so that bytes repeat.
            output_params=[
                "-movflags",
                "+faststart",
                "-fflags",
                "+bitexact",
                "-flags:v",
                "+bitexact",
                "-preset",
                "veryfast",
            ],
        )
        writer.send(None)
        try:
            for frame in boomerang:
                writer.send(np.ascontiguousarray(frame))
        finally:
            writer.close()
        return path.read_bytes()


def _captioned(frame: GreyImage, value: float, prediction: float) -> GreyImage:
    """The frame enlarged, with its lambda, its prediction and a bar for the prediction; even sides, as H.264 needs."""
    height, width = (side * _VIDEO_SCALE for side in frame.shape)
    canvas = Image.new("L", (width, height + _CAPTION_HEIGHT))
    canvas.paste(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC), (0, 0))
    draw = ImageDraw.Draw(canvas)
    draw.text(
        (8, height + 6),
        f"prediction {prediction:.2f}    lambda {value:+.3g}",
        fill=255,
        font=ImageFont.load_default(16),
    )
    draw.rectangle((8, height + 34, width - 8, height + 42), outline=128)
    draw.rectangle((8, height + 34, 8 + round((width - 16) * min(max(prediction, 0), 1)), height + 42), fill=255)
    return np.asarray(canvas)


def write(explanation: Explanation, folder: Path, *, percent: float = TOP_PERCENT) -> None:
    """Write an explanation's files into a folder, which is made if it is missing."""
    rendered = render(explanation, percent=percent)
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in explanation.maps.items():
        np.save(folder / f"{name}.npy", values)
        (folder / f"{name}.png").write_bytes(rendered.overlays[name])
    if rendered.filmstrip is not None and rendered.mp4 is not None:
        (folder / f"{LATENT_SHIFT}_frames.png").write_bytes(rendered.filmstrip)
        (folder / f"{LATENT_SHIFT}.mp4").write_bytes(rendered.mp4)
        _write_json(folder / f"{LATENT_SHIFT}.json", rendered.curve)
    _write_json(folder / "explanation.json", summary(explanation))


def summary(explanation: Explanation) -> dict[str, Any]:
    """Scores, IoU, reconstruction and provenance as plain JSON values."""
    reconstruction = explanation.reconstruction
    return {
        "scores": dict(explanation.scores),
        "iou": dict(explanation.ious),
        "reconstruction": None if reconstruction is None else vars(reconstruction),
        "provenance": explanation.provenance.as_dict(),
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
