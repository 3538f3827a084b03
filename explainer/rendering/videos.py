"""The counterfactual as a video for download: MP4 and GIF, there and back again, with the prediction below.

The encoder runs in a process of its own, so that several threads can make videos at a time.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explainer.errors import RenderingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.rendering.overlays import GreyImage

_FEWEST_FRAMES = 2
_FRAMES_PER_SECOND = "12"
#: A GIF counts in hundredths of a second: each frame has exactly 8 of them.
_GIF_FRAMES_PER_SECOND = "12.5"
#: Small images are enlarged for a video; those from this width on are large enough.
_LARGE = 448
_NARROWEST = 224
_CAPTION_HEIGHT = 48
_MARGIN = 8
_FONT_SIZES = (16, 14, 12, 10)
_WHITE, _GREY = 255, 128

# One thread, and no time or name of the encoder: the same frames give the same bytes on every machine.
_REPRODUCIBLE = ("-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
# The fastest preset takes half the time of the next one and at this quality keeps more of the image, in a larger file.
_H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-crf", "23")
# The index in front, so that a video plays while it is loading.
_MP4 = (*_H264, *_REPRODUCIBLE, "-movflags", "+faststart")
_GIF = ("-c:v", "gif", "-pix_fmt", "gray", *_REPRODUCIBLE, "-loop", "0")


def mp4(
    frames: GreyImage, lambdas: Sequence[float], predictions: Sequence[float], *, title: str = "prediction"
) -> bytes:
    """H.264 video of frames (F, H, W), 12 a second, enlarged to twice their size if they are small.

    Raises RenderingError for fewer than two frames.
    """
    scale = 1 if frames.shape[-1] >= _LARGE else 2
    return _encoded(_boomerang(frames, lambdas, predictions, title, scale), _FRAMES_PER_SECOND, _MP4, "mp4")


def gif(
    frames: GreyImage, lambdas: Sequence[float], predictions: Sequence[float], *, title: str = "prediction"
) -> bytes:
    """GIF in 256 greys of frames (F, H, W), each shown for 0.08 s in its own size and exactly as it is.

    Equal neighbours stay frames of their own, so that frame and lambda keep together. RenderingError as for `mp4`.
    """
    return _encoded(_boomerang(frames, lambdas, predictions, title, 1), _GIF_FRAMES_PER_SECOND, _GIF, "gif")


def _boomerang(
    frames: GreyImage, lambdas: Sequence[float], predictions: Sequence[float], title: str, scale: int
) -> GreyImage:
    if len(frames) < _FEWEST_FRAMES:
        raise RenderingError("A video needs at least two frames: raise the setting frames.")
    shown = list(zip(frames, lambdas, predictions, strict=True))
    caption = _Caption.of(frames.shape[2] * scale, title, lambdas, predictions)
    captioned = np.stack([caption.below(frame, scale, value, prediction) for frame, value, prediction in shown])
    return np.concatenate([captioned, captioned[-2:0:-1]])


@dataclass(frozen=True)
class _Caption:
    """What stands below every frame: title and prediction, lambda, and a bar from 0 to 1 with `start` marked on it."""

    title: str
    start: float
    width: int
    # Made for each video: a font is not safe to use from several threads.
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont

    @classmethod
    def of(cls, width: int, title: str, lambdas: Sequence[float], predictions: Sequence[float]) -> _Caption:
        """In the largest letters in which both texts fit; a title that never does is left out."""
        start = predictions[min(range(len(lambdas)), key=lambda index: abs(lambdas[index]))]
        # Even, as H.264 needs it.
        wide = max(width, _NARROWEST) + width % 2
        longest = max((_lambda(value) for value in lambdas), key=len)
        for words in (title.replace("_", " "), "prediction"):
            for size in _FONT_SIZES:
                font = ImageFont.load_default(size)
                if font.getlength(f"{words} 0.00   {longest}") <= wide - 2 * _MARGIN:
                    return cls(words, start, wide, font)
        return cls("", start, wide, font)

    def below(self, frame: GreyImage, scale: int, value: float, prediction: float) -> GreyImage:
        """The frame, enlarged, above its caption."""
        height, width = (side * scale for side in frame.shape)
        picture = Image.fromarray(frame)
        if scale != 1:
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        top = height + height % 2
        canvas = Image.new("L", (self.width, top + _CAPTION_HEIGHT))
        canvas.paste(picture, ((self.width - width) // 2, 0))
        left, right = _MARGIN, self.width - _MARGIN
        draw = ImageDraw.Draw(canvas)
        draw.text((left, top + 6), f"{self.title} {prediction:.2f}".lstrip(), fill=_WHITE, font=self.font)
        draw.text((right, top + 6), _lambda(value), fill=_GREY, font=self.font, anchor="ra")
        draw.rectangle((left, top + 34, right, top + 42), outline=_GREY)
        draw.rectangle((left, top + 34, _along(left, right, prediction), top + 42), fill=_WHITE)
        mark = _along(left, right, self.start)
        draw.line((mark, top + 31, mark, top + 45), fill=_GREY)
        return np.asarray(canvas)


def _lambda(value: float) -> str:
    return f"lambda {value:+.3g}"


def _along(left: int, right: int, share: float) -> int:
    return left + round((right - left) * min(max(share, 0), 1))


def _encoded(frames: GreyImage, rate: str, options: Sequence[str], suffix: str) -> bytes:
    """Frames (F, H, W) in 8-bit grey through ffmpeg."""
    from imageio_ffmpeg import get_ffmpeg_exe  # only videos need it

    _, height, width = frames.shape
    raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-video_size", f"{width}x{height}", "-framerate", rate, "-i", "-")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video.{suffix}"
        try:
            command = [get_ffmpeg_exe(), "-loglevel", "error", *raw, "-an", *options, str(path)]
            done = subprocess.run(command, input=frames.tobytes(), capture_output=True, check=False)
        except (OSError, RuntimeError) as error:
            raise RenderingError(f"Videos need ffmpeg, which cannot be started: {error}.") from error
        if done.returncode != 0 and shutil.disk_usage(folder).free < frames.nbytes // len(frames):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise RenderingError(f"ffmpeg could not make a video of {width} x {height} pixels: {reason}")
        return path.read_bytes()
