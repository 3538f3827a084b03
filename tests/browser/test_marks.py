"""Marks on a zoomed, moved or enlarged picture: a known feature is found on the screen, marked, its place compared."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import CDPSession, FloatRect, Page, expect

from readerstudy.explanations.models import Artefact
from readerstudy.lib.media import media_path
from readerstudy.reading.models import Answer, Reading
from readerstudy.studies.models import Image, Study
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIDE = 512  # of the X-ray that readers see
STORED = 1024  # of the image file
# A bright square on dark at known pixels of the X-ray: left, top, right, bottom (the last two just outside).
FEATURE = (300, 180, 320, 200)
MIDDLE = (310.0, 190.0)
SHOW_MARKS = """(how) => {
    for (const one of document.querySelectorAll(".mark, .mark-hint")) one.style.visibility = how;
    for (const one of document.querySelectorAll(".mark-surface")) one.style.outline = how && "none";
}"""


def x_ray() -> bytes:
    values = np.full((SIDE, SIDE), 40, np.uint8)
    left, top, right, bottom = FEATURE
    values[top:bottom, left:right] = 255
    stream = io.BytesIO()
    Picture.fromarray(values).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture
def study() -> Study:
    made = study_make(files=True, targets=("Mass",))
    Image.objects.update(width=STORED, height=STORED)
    for artefact in Artefact.objects.filter(kind="xray"):
        media_path(artefact.file).write_bytes(x_ray())
    return made


@pytest.fixture
def open_marking(open_in, study: Study) -> Callable[..., Page]:
    """Opens a case of the attribution maps that asks for a mark, in a browser window of the asked kind; its page."""

    def go(shape: str = "point", *, required: bool = False, **window: Any) -> Page:
        question_make(study, "location", shape=shape, required=required)
        found: Page = open_in(reader_make(study).readings.filter(period__number=1, arm__key="A").first(), **window)
        return found

    return go


def panel(page: Page) -> FloatRect:
    return present(page.locator("[data-panel=xray] canvas").bounding_box())


def feature_on_screen(page: Page) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the bright square, in CSS pixels of the window: found in a screenshot.

    Marks are taken away while it is made, since they may lie over it.
    """
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box, ratio = panel(page), page.evaluate("devicePixelRatio")
    page.evaluate(SHOW_MARKS, "hidden")
    with Picture.open(io.BytesIO(page.screenshot())) as picture:
        grey = np.asarray(picture.convert("L"))
    page.evaluate(SHOW_MARKS, "")
    left, top = round(box["x"] * ratio), round(box["y"] * ratio)
    right, bottom = left + round(box["width"] * ratio), top + round(box["height"] * ratio)
    seen = grey[top:bottom, left:right] > 148  # half-way between the two greys
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    found = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
    return tuple(edge / ratio for edge in found)


def middle(edges: tuple[float, float, float, float]) -> tuple[float, float]:
    return (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2


def zoom_in(page: Page, factor: float = 3.3) -> None:
    """At the feature, by the wheel; then moved, so that it lies in no special place."""
    x, y = middle(feature_on_screen(page))
    page.mouse.move(x, y)
    # The emulated wheel turns in pixels of the screen.
    page.mouse.wheel(0, -np.log(factor) / 0.0015 * page.evaluate("devicePixelRatio"))
    page.mouse.down(button="right")
    page.mouse.move(x - 31, y + 17, steps=3)
    page.mouse.up(button="right")


def begin(page: Page) -> None:
    page.locator("[data-mark]").click()
    expect(page.locator(".mark-surface")).to_be_visible()


def stored(page: Page) -> dict[str, float]:
    expect(page.locator("#status")).to_have_text("Saved")
    answer = present(Answer.objects.filter(question__key="location").order_by("revision").last())
    return present(answer.content)


def on_image(*pixels: float) -> list[float]:
    """Pixels of the X-ray as pixels of the stored image, which is twice as large."""
    return [pixel * STORED / SIDE for pixel in pixels]


WINDOWS: dict[str, dict[str, Any]] = {
    "1440x900": {},
    "1920x1080": {"viewport": {"width": 1920, "height": 1080}},
    "ratio 2": {"device_scale_factor": 2},
    "200% zoom": {"viewport": {"width": 960, "height": 540}, "device_scale_factor": 2},
    "tablet upright": {"viewport": {"width": 768, "height": 1024}, "has_touch": True},
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_point_is_stored_where_the_feature_lies_however_the_picture_is_shown(open_marking, window: str):
    page = open_marking(**WINDOWS[window])
    zoom_in(page)
    begin(page)
    edges = feature_on_screen(page)
    assert edges[2] - edges[0] > 2.9 * panel(page)["width"] * 20 / SIDE  # it is zoomed
    page.mouse.click(*middle(edges))
    place = stored(page)
    pixel = STORED / (panel(page)["width"] * 3.3)  # of the screen, in pixels of the stored image
    assert [place["x"], place["y"]] == pytest.approx(on_image(*MIDDLE), abs=max(1.5 * pixel, 1))
    expect(page.locator(".mark-point")).to_have_count(1)
    mark = page.locator(".mark-point").bounding_box()
    assert (mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2) == pytest.approx(middle(edges), abs=1.5)


def test_a_box_drawn_on_a_moved_picture_has_the_feature_s_corners_and_moves_with_it(open_marking):
    page = open_marking("box")
    zoom_in(page)
    begin(page)
    left, top, right, bottom = feature_on_screen(page)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    place = stored(page)
    found = [place["x"], place["y"], place["x"] + place["width"], place["y"] + place["height"]]
    assert found == pytest.approx(on_image(*FEATURE), abs=2)
    # Whatever is done with the picture afterwards, the box lies around the feature.
    for change in (
        lambda: page.mouse.wheel(0, 250),
        lambda: page.keyboard.press("r"),
        lambda: page.keyboard.press("e"),
    ):
        page.mouse.move(*middle(feature_on_screen(page)))
        before = feature_on_screen(page)
        change()
        for _ in range(20):  # the browser turns the wheel when it comes to it
            if (seen := feature_on_screen(page)) != before:
                break
        around = page.locator(".mark-box").bounding_box()
        found = [around["x"], around["y"], around["x"] + around["width"], around["y"] + around["height"]]
        assert found == pytest.approx(seen, abs=4)


def test_zooming_and_moving_go_on_while_a_box_is_set_by_mouse(open_marking):
    page = open_marking("box")
    begin(page)
    zoom_in(page, 4)
    expect(page.locator(".mark-surface")).to_be_visible()
    page.keyboard.press("+")
    page.get_by_role("button", name="Contrast").click()
    expect(page.locator(".mark-surface")).to_be_visible()
    left, top, right, bottom = feature_on_screen(page)
    page.mouse.move(right, bottom)  # from the lower right this time
    page.mouse.down()
    page.mouse.move(left, top, steps=4)
    page.mouse.up()
    place = stored(page)
    found = [place["x"], place["y"], place["x"] + place["width"], place["y"] + place["height"]]
    assert found == pytest.approx(on_image(*FEATURE), abs=2)


def test_a_mark_in_the_enlarged_view_is_stored_in_pixels_of_the_image(open_marking):
    page = open_marking()
    begin(page)
    page.keyboard.press("e")
    zoom_in(page)
    x, y = middle(feature_on_screen(page))
    assert panel(page)["width"] > 600
    page.mouse.click(x, y)
    page.keyboard.press("e")
    place = stored(page)
    assert [place["x"], place["y"]] == pytest.approx(on_image(*MIDDLE), abs=1)


def test_a_mark_is_set_by_keyboard_on_a_zoomed_picture_which_follows_it(open_marking):
    page = open_marking()
    zoom_in(page)
    page.locator("[data-mark]").focus()
    page.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowDown"):
        for _ in range(
            70
        ):  # 5% of the panel each, at zoom 3.3: beyond the picture's edge, far outside of what was in view
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    assert stored(page) == {"x": STORED, "y": STORED}
    mark, box = page.locator(".mark-point").bounding_box(), panel(page)
    assert mark["x"] + mark["width"] / 2 == pytest.approx(box["x"] + box["width"], abs=1)
    assert mark["y"] + mark["height"] / 2 == pytest.approx(box["y"] + box["height"], abs=1)


def touch(page: Page) -> Callable[..., None]:
    cdp: CDPSession = page.context.new_cdp_session(page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(places)]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return send


TABLET = {"viewport": {"width": 768, "height": 1024}, "has_touch": True, "device_scale_factor": 2}


def test_by_touch_two_fingers_zoom_and_mark_nothing_and_one_marks(open_marking):
    page = open_marking(**TABLET)
    finger = touch(page)
    page.locator("[data-mark]").tap()
    x, y = middle(feature_on_screen(page))
    finger("touchStart", (x, y))
    finger("touchStart", (x, y), (x + 20, y))
    for apart in (30, 45, 60):
        finger("touchMove", (x, y), (x + apart, y))
    finger("touchEnd")
    expect(page.locator(".mark-surface")).to_be_visible()
    assert not Answer.objects.exists()
    edges = feature_on_screen(page)
    assert edges[2] - edges[0] == pytest.approx(3 * panel(page)["width"] * 20 / SIDE, rel=0.1)
    page.touchscreen.tap(*middle(edges))
    place = stored(page)
    assert [place["x"], place["y"]] == pytest.approx(on_image(*MIDDLE), abs=3)


def test_the_last_mark_is_taken_back_by_key_and_by_button(open_marking):
    page = open_marking()
    box = panel(page)
    for share in (0.25, 0.5, 0.75):
        begin(page)
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
    assert stored(page)["x"] == pytest.approx(0.75 * STORED, abs=4)
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Marked 50% across")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Marked 25% across")).to_be_visible()
    assert stored(page)["x"] == pytest.approx(0.25 * STORED, abs=4)
    page.keyboard.press("u")
    expect(page.get_by_text("Not marked")).to_be_visible()
    expect(page.locator(".mark")).to_have_count(0)
    assert stored(page) == {}
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


def test_a_box_to_the_very_edge_is_taken(open_marking):
    page = open_marking("box")
    begin(page)
    box = panel(page)
    page.mouse.move(box["x"] + 0.333 * box["width"], box["y"] + 0.333 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 2 * box["width"], box["y"] + 1.02 * box["height"], steps=3)
    page.mouse.up()
    place = stored(page)
    assert place["x"] + place["width"] == pytest.approx(STORED, abs=0.05)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_mark_of_a_zoomed_picture_lies_on_the_feature_again_when_the_case_is_loaded_again(open_marking):
    page = open_marking()
    zoom_in(page)
    begin(page)
    page.mouse.click(*middle(feature_on_screen(page)))
    stored(page)
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    mark = page.locator(".mark-point").bounding_box()
    expected = middle(feature_on_screen(page))
    assert (mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2) == pytest.approx(expected, abs=1.5)
    assert Reading.objects.filter(opened_at__isnull=False).count() == 1
