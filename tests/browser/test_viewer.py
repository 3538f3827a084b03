"""The viewer in a real browser: the tools act on what they should, all pictures together, and pixels arrive exactly."""

from __future__ import annotations

import base64
import gzip
import io
import re
from typing import Literal

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image as Picture
from playwright.sync_api import CDPSession, Locator, Page, Route, expect

from readerstudy.explanations.models import Artefact
from readerstudy.lib.media import media_path
from readerstudy.reading.models import Allocation, Reading
from tests.browser.conftest import open_case
from tests.factories.reading import artefact_of
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RED = (255, 0, 0)
LISTEN = "window.seen = []; document.addEventListener('exposure', (event) => window.seen.push(event.detail));"


@pytest.fixture
def arm_a(allocation: Allocation, page: Page, live_server) -> Reading:
    """A case of the attribution maps, open and painted."""
    return opened(page, live_server.url, allocation, "A")


@pytest.fixture
def arm_b(allocation: Allocation, page: Page, live_server) -> Reading:
    """A case of Latent Shift, open, painted and paused at the first frame."""
    reading = opened(page, live_server.url, allocation, "B")
    page.keyboard.press("p")
    page.locator("#frame").fill("0")
    return reading


def opened(page: Page, root: str, allocation: Allocation, arm: str) -> Reading:
    reading = present(allocation.readings.filter(period__number=1, arm__key=arm).first())
    page.add_init_script(LISTEN)
    open_case(page, root, reading)
    return reading


def canvas(page: Page, panel: str) -> Locator:
    return page.locator(f"[data-panel={panel}] canvas")


def pixels(page: Page, panel: str) -> np.ndarray:
    """What a panel shows, (H, W, 3), after everything asked for was drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    url = canvas(page, panel).evaluate("(canvas) => canvas.toDataURL('image/png')")

    with Picture.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def red(shown: np.ndarray) -> np.ndarray:
    found: np.ndarray = (shown == RED).all(axis=2)
    return found


def drag(
    page: Page, panel: str, right: float, down: float, *, button: Literal["left", "middle", "right"] = "left"
) -> None:
    """Drag across a panel, by shares of its side."""
    box = present(canvas(page, panel).bounding_box())
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + right * box["width"], y + down * box["height"], steps=4)
    page.mouse.up(button=button)


def wheel(page: Page, panel: str, x: float, y: float, pixels_up: float) -> None:
    box = present(canvas(page, panel).bounding_box())
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.wheel(0, -pixels_up)


def seen(page: Page, kind: str) -> list[dict]:
    return [event for event in page.evaluate("window.seen") if event["kind"] == kind]


def fetched(page: Page, reading: Reading, name: str) -> tuple[list[int], np.ndarray]:
    """Size and values of a file as the viewer decodes it."""
    found = page.evaluate(
        """async (url) => {
            const { fetchSource } = await import("/static/js/viewer/sources.js");
            const [{ width, height, values }] = await fetchSource(url);
            return { size: [width, height], values: [...values] };
        }""",
        reverse("reading_asset", args=[reading.pk, name]),
    )
    return found["size"], np.array(found["values"])


def test_dragging_sets_the_window_of_the_x_ray_in_every_panel_and_leaves_the_marking_alone(page: Page, arm_a: Reading):
    before = pixels(page, "input_gradient")
    drag(page, "xray", -0.25, 0.1)
    after, xray = pixels(page, "input_gradient"), pixels(page, "xray")
    assert (red(before) == red(after)).all()
    grey = ~red(after)
    assert (after[grey] == xray[grey]).all()
    # Narrower and darker, by what was dragged: width 0.75, level 0.6.
    expected = np.clip((before[grey] / 255 - (0.6 - 0.375)) / 0.75, 0, 1) * 255
    off = np.abs(after[grey] - expected)
    assert np.quantile(off, 0.9) <= 2  # the screen's pixels lie between those of the picture: a few are off by more
    assert page.locator("#window-readout").inner_text() == "W 75 L 60"
    assert [(event["panel"], event["value"]) for event in seen(page, "window")] == [
        ("xray", {"width": pytest.approx(0.75, abs=0.01), "level": pytest.approx(0.6, abs=0.01)})
    ]


def test_zooming_one_picture_zooms_all_and_keeps_what_lies_under_the_pointer(page: Page, arm_a: Reading):
    before = pixels(page, "guided_backprop")
    wheel(page, "guided_backprop", 0.3, 0.7, 600)
    xray = pixels(page, "xray")
    for panel in ("input_gradient", "guided_backprop", "integrated_gradients"):
        after = pixels(page, panel)
        grey = ~red(after)
        assert (after[grey] == xray[grey]).all()
    side = len(before)
    row, column = round(0.7 * side), round(0.3 * side)
    assert (red(before)[row - 1 : row + 1, column - 1 : column + 1] == red(after)[row : row + 1, column]).any()
    page.wait_for_function("() => window.seen.some((event) => event.kind === 'zoom')")
    assert seen(page, "zoom")[0]["value"]["zoom"] == pytest.approx(np.exp(0.9), rel=0.01)


def test_a_double_click_shows_the_whole_picture_again(page: Page, arm_a: Reading):
    before = pixels(page, "xray")
    wheel(page, "xray", 0.2, 0.2, 500)
    drag(page, "xray", 0.2, 0.1, button="right")
    assert (pixels(page, "xray") != before).any()
    canvas(page, "input_gradient").dblclick()
    assert (pixels(page, "xray") == before).all()
    assert page.locator("#window-readout").inner_text() == "W 100 L 50"


def test_a_picture_that_is_moved_stays_in_its_panel(page: Page, arm_a: Reading):
    wheel(page, "xray", 0.5, 0.5, 300)
    for _ in range(4):
        drag(page, "xray", 0.45, 0.45, button="middle")
    corner = pixels(page, "xray")[:40, :40]
    assert corner.min() > 60  # the factory's chest is bright in its corner; beside it all is black


def test_the_marking_follows_its_sliders(page: Page, arm_a: Reading):
    assert red(pixels(page, "input_gradient")).mean() == pytest.approx(0.05, abs=0.003)
    page.locator("#threshold").fill("20")
    assert red(pixels(page, "input_gradient")).mean() == pytest.approx(0.20, abs=0.006)
    expect(page.locator("[data-panel=input_gradient] .legend")).to_have_text("Red: the 20% of pixels that count most")
    page.locator("#opacity").fill("0")
    assert (pixels(page, "input_gradient") == pixels(page, "xray")).all()
    assert [event["value"] for event in seen(page, "map_threshold")] == [{"percent": 20}]
    page.keyboard.press("r")
    assert red(pixels(page, "input_gradient")).mean() == pytest.approx(0.05, abs=0.003)


def test_the_published_marking_is_what_the_browser_marks_to_the_pixel(page: Page, arm_a: Reading):
    size, ranks = fetched(page, arm_a, "input_gradient.png")
    stored = Artefact.objects.get(explanation__case=arm_a.case, method="input_gradient", kind="overlay")
    with Picture.open(media_path(stored.file)) as picture:
        assert list(picture.size) == size
        published = red(np.asarray(picture)).ravel()
    assert ((ranks >= 256 - 2 * 5) == published).all()  # two ranks per percent


def test_keys_invert_magnify_zoom_and_reset(page: Page, arm_a: Reading):
    before = pixels(page, "xray")
    page.keyboard.press("i")
    assert np.abs(pixels(page, "xray") - (255 - before)).max() <= 1
    expect(page.locator("#invert")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("i")
    page.mouse.move(0, 0)
    page.keyboard.press("m")
    magnified = pixels(page, "xray")
    changed = np.argwhere((magnified != before).any(axis=2))
    assert len(changed)
    assert np.ptp(changed, axis=0).max() < 0.45 * len(before)  # the lens and nothing beside it
    page.keyboard.press("m")
    page.keyboard.press("+")
    assert (pixels(page, "xray") != before).any()
    page.keyboard.press("r")
    assert (pixels(page, "xray") == before).all()


def test_the_x_ray_can_be_moved_and_windowed_by_keyboard_alone(page: Page, arm_a: Reading):
    canvas(page, "xray").focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#window-readout")).to_have_text("W 96 L 50")
    page.keyboard.press("+")
    before = pixels(page, "xray")
    page.keyboard.press("ArrowRight")
    assert (pixels(page, "xray") != before).any()


def test_after_a_click_on_a_tool_the_keys_still_answer(page: Page, arm_a: Reading):
    for key in "42":
        page.keyboard.press(key)
    expect(page.locator("#next")).to_be_enabled()
    page.get_by_role("button", name="Lung").click()
    canvas(page, "xray").click()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(arm_a.pk) not in url)


def test_two_fingers_zoom_and_one_sets_the_window(page: Page, arm_a: Reading):
    cdp: CDPSession = page.context.new_cdp_session(page)
    cdp.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    box = present(canvas(page, "xray").bounding_box())

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": index}
            for index, (x, y) in enumerate(places)
        ]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.4, 0.5), (0.6, 0.5))
    touch("touchMove", (0.3, 0.5), (0.7, 0.5))
    touch("touchMove", (0.2, 0.5), (0.8, 0.5))
    touch("touchEnd")
    page.wait_for_function("() => window.seen.some((event) => event.kind === 'zoom')")
    assert seen(page, "zoom")[0]["value"] == {
        "zoom": pytest.approx(3, rel=0.05),
        "x": pytest.approx(0.5, abs=0.01),
        "y": 0.5,
    }
    assert seen(page, "window") == []
    page.locator("#window-tool").dispatch_event("click")  # else one finger scrolls the page
    page.wait_for_selector(".touch-tool")
    touch("touchStart", (0.5, 0.5))
    touch("touchMove", (0.4, 0.5))
    touch("touchMove", (0.3, 0.5))
    touch("touchEnd")
    page.wait_for_function("() => window.seen.some((event) => event.kind === 'window')")
    assert seen(page, "window")[0]["value"]["width"] == pytest.approx(0.8, abs=0.05)


def test_a_picture_is_enlarged_and_no_answer_is_given_behind_it(page: Page, arm_a: Reading, shot):
    small = len(pixels(page, "xray"))
    canvas(page, "guided_backprop").hover()
    page.keyboard.press("e")
    assert len(pixels(page, "guided_backprop")) > 2 * small
    shot("case-enlarged")
    page.keyboard.press("4")  # leads back to the question
    assert len(pixels(page, "guided_backprop")) == small
    expect(page.locator("input:checked")).to_have_count(0)
    page.keyboard.press("4")
    expect(page.locator("input:checked")).to_have_value("4")
    page.get_by_role("button", name="Enlarge X-ray").click()
    assert len(pixels(page, "xray")) > 2 * small
    page.keyboard.press("Escape")
    assert len(pixels(page, "xray")) == small


def test_the_curve_leads_to_a_frame_and_tells_its_prediction(page: Page, arm_b: Reading):
    box = present(page.locator("#curve").bounding_box())
    page.mouse.click(box["x"] + box["width"] * 304 / 320, box["y"] + box["height"] / 2)
    expect(page.locator("#readout")).to_have_text("p = 70%")
    expect(page.locator("#frame")).to_have_value("8")
    expect(page.locator(".curve-reading")).to_have_text("p = 70% at λ = 40")
    expect(page.locator("#frame")).to_have_attribute("aria-valuetext", "prediction 70%, lambda 40")
    expect(page.locator("#curve")).to_have_attribute(
        "aria-label", "Prediction along the counterfactual: from 30% at lambda −120 to 70% at lambda 40"
    )


def test_the_window_applies_to_the_counterfactual_too(page: Page, arm_b: Reading):
    before = pixels(page, "counterfactual")
    drag(page, "counterfactual", -0.4, 0)
    assert np.ptp(pixels(page, "counterfactual")) > np.ptp(before)
    assert page.locator("#window-readout").inner_text() == "W 60 L 50"


@pytest.mark.parametrize("way", ["key", "button", "button by keyboard"])
def test_the_original_is_shown_while_it_is_held(page: Page, arm_b: Reading, way: str):
    counterfactual, xray = pixels(page, "counterfactual"), pixels(page, "xray")
    if way == "key":
        page.keyboard.down("c")
    elif way == "button":
        page.locator("#compare").hover()
        page.mouse.down()
    else:
        page.locator("#compare").focus()
        page.keyboard.down("Enter")
    expect(page.locator("#showing")).to_be_visible()
    assert (pixels(page, "counterfactual") == xray).all()
    if way == "button":
        page.mouse.up()
    else:
        page.keyboard.up("c" if way == "key" else "Enter")
    expect(page.locator("#showing")).to_be_hidden()
    assert (pixels(page, "counterfactual") == counterfactual).all()
    assert [event["value"]["on"] for event in seen(page, "compare")] == [True, False]


def test_the_animation_runs_there_and_back_at_the_chosen_speed(page: Page, arm_b: Reading):
    page.get_by_role("button", name="2×").click()
    page.keyboard.press("p")
    page.wait_for_function("() => window.seen.some((event) => event.kind === 'loop')", timeout=5000)
    page.keyboard.press("p")
    shown = page.locator("#frame").input_value()
    page.wait_for_timeout(300)
    assert page.locator("#frame").input_value() == shown
    assert seen(page, "loop")[0]["value"] == {"speed": 2}
    assert len(seen(page, "animation_paused")) == 2


def test_nothing_moves_by_itself_for_who_prefers_reduced_motion(page: Page, live_server, allocation: Allocation):
    page.emulate_media(reduced_motion="reduce")
    opened(page, live_server.url, allocation, "B")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    before = page.locator("#frame").input_value()
    page.wait_for_timeout(400)
    assert page.locator("#frame").input_value() == before == "6"  # lambda 0


def deep_x_rays(allocation: Allocation) -> np.ndarray:
    """Every case gets this X-ray of 16 bits: two halves that 8 bits could not tell apart, and a scale."""
    values = np.full((128, 128), 30_000, np.uint16)
    values[:, 64:] = 30_040
    values[0] = np.linspace(29_000, 31_000, 128)
    for case in allocation.membership.study.cases.select_related("explanation"):
        artefact_of(case.explanation, "", Artefact.Kind.DEEP, ".gz", gzip.compress(values.tobytes(), mtime=0)).save()
    return values


def test_all_bits_of_a_deep_x_ray_reach_the_screen(page: Page, live_server, allocation: Allocation):
    values = deep_x_rays(allocation)
    reading = opened(page, live_server.url, allocation, "A")
    size, found = fetched(page, reading, "xray.gz")
    assert size == [128, 128]
    assert (found == values.ravel()).all()
    middle = slice(100, 200)
    assert np.ptp(pixels(page, "xray")[middle]) == 0
    page.get_by_role("button", name="Contrast").click()
    shown = pixels(page, "xray")[middle]
    assert shown[:, 20].max() < shown[:, -20].min()


def test_pictures_of_the_next_case_are_there_before_the_reader_goes_on(page: Page, live_server, allocation: Allocation):
    first, second = allocation.readings.filter(period__number=1)[:2]
    page.goto(live_server.url + reverse("reading_case", args=[first.pk]))
    page.wait_for_selector("body[data-ready=yes]")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/assets/" in request.url else None)
    for key in "42":
        page.keyboard.press(key)
    expect(page.locator("#next")).to_be_enabled()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(second.pk) in url)
    page.wait_for_selector("body[data-ready=yes]")
    assert not [url for url in asked if str(second.pk) in url]
    assert np.ptp(pixels(page, "xray")) > 100


def test_a_decoder_that_did_not_arrive_is_asked_for_again(page: Page, live_server, allocation: Allocation):
    lost: list[str] = []

    def lose_two(route: Route) -> None:
        if len(lost) == 2:
            route.continue_()
            return
        lost.append(route.request.url)
        route.abort()

    page.route("**/viewer/decoder.js", lose_two)  # for both workers
    opened(page, live_server.url, allocation, "A")
    assert len(lost) == 2
    assert np.ptp(pixels(page, "xray")) > 100


def test_a_full_size_x_ray_is_windowed_and_zoomed_without_delay(page: Page, live_server, allocation: Allocation):
    side = 2048
    values = np.random.default_rng(5).normal(128, 30, (side, side)).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Picture.fromarray(values).save(stream, format="PNG", compress_level=1)
    for artefact in Artefact.objects.filter(kind="xray"):
        media_path(artefact.file).write_bytes(stream.getvalue())
    opened(page, live_server.url, allocation, "A")
    page.evaluate("""() => {
        window.costs = [];
        const ask = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (draw) => ask((time) => {
            const start = performance.now();
            draw(time);
            window.costs.push(performance.now() - start);
        });
    }""")
    for act in (
        lambda: drag(page, "xray", 0.3, -0.2),
        lambda: wheel(page, "input_gradient", 0.4, 0.6, 700),
        lambda: drag(page, "xray", -0.2, 0.2),
    ):
        page.evaluate("() => { window.costs.length = 0; }")
        act()
        page.wait_for_function("() => window.costs.length > 0")
        assert np.median(page.evaluate("window.costs")) < 33  # milliseconds: thirty pictures a second


def test_what_the_script_says_comes_from_the_catalogue(allocation: Allocation, page: Page, live_server):
    page.add_init_script("globalThis.gettext = (text) => `«${text}»`;")
    opened(page, live_server.url, allocation, "B")
    expect(page.locator("#play")).to_have_text("«Pause»")
    expect(page.locator("#frame")).to_have_attribute("aria-valuetext", re.compile(r"^«prediction \d+%, lambda .+»$"))
    expect(page.locator("#curve")).to_have_attribute("aria-label", re.compile("^«Prediction along the counterfactual"))
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("«Saved»")
