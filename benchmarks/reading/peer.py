"""The same X-ray in as many linked panels by Cornerstone3D, the library of most radiology viewers in browsers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.reading.reader import ARGUMENTS, opened
from benchmarks.reading.viewer import FRAMES, Frames

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "var" / "benchmark" / "cornerstone"
# What Cornerstone3D's own dependencies expect of a bundler is added by name: events and url.
PACKAGES = ("@cornerstonejs/core@5.14.0", "esbuild@0.28.2", "events@3.3.0", "url@0.11.4")
PANELS = 4
PAGE = """<!doctype html><title>Cornerstone3D</title>
<style>.panel {{ width: {width}px; height: {width}px; float: left; }}</style>
{panels}<script type="module" src="bundle.js"></script>"""
# Where there is no GPU, browsers draw WebGL in software only if they are told to.
WAYS = {
    "on the CPU": (True, ARGUMENTS),
    "WebGL in software": (
        False,
        [one for one in ARGUMENTS if one != "--disable-gpu"] + ["--enable-unsafe-swiftshader"],
    ),
}


def install() -> Path:
    """The bundle of the comparison page, made with npm from its registry; once."""
    bundle = FOLDER / "bundle.js"
    if not shutil.which("npm"):
        sys.exit("The comparison needs npm: install Node.js, or leave --peer out.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *PACKAGES]
    subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)
    source = FOLDER / "page.js"
    shutil.copyfile(HERE / "cornerstone.js", source)
    esbuild: list[str | Path] = [
        FOLDER / "node_modules" / ".bin" / "esbuild",
        source,
        "--bundle",
        "--format=esm",
        "--minify",
    ]
    subprocess.run([*esbuild, "--loader:.wasm=file", f"--outfile={bundle}", "--log-level=error"], check=True)
    return bundle


def look_at_peer(root: str, cookies: dict[str, str], case: str, *, width: int) -> dict[str, Frames]:
    """Way of drawing -> what was measured, with panels of `width` CSS pixels."""
    bundle = install().read_bytes()
    measured = {}
    for way, (cpu, arguments) in WAYS.items():
        with opened(root, cookies, script="", reduced_motion="reduce", arguments=arguments) as page:
            _serve(page, root, bundle, width)
            page.goto(f"{root}/peer/")
            page.wait_for_function("() => Boolean(window.begin)")
            asked = {"source": f"{case}assets/xray.png", "panels": PANELS, "cpu": cpu}
            frames = measured[way] = Frames(paint=[page.evaluate("(asked) => window.begin(asked)", asked)])
            for gesture in ("window", "zoom"):
                getattr(frames, gesture).extend(page.evaluate("(asked) => window.gesture(...asked)", [gesture, FRAMES]))
    return measured


def _serve(page: Page, root: str, bundle: bytes, width: int) -> None:
    """The page comes from the study's own address, so that it may fetch the study's picture."""
    body = PAGE.format(width=width, panels='<div class="panel"></div>' * PANELS)

    def answer(route: Route) -> None:
        if route.request.url.endswith("bundle.js"):
            route.fulfill(body=bundle, content_type="text/javascript")
        else:
            route.fulfill(body=body, content_type="text/html")

    page.route(f"{root}/peer/**", answer)
