"""What comes late to the report page: events and data that tell of a moment before what was asked since.

Each test sends them in the bad order itself.
"""

from __future__ import annotations

import pytest

from tests.test_behavior.report_page import FPS, START_S, Watched, make_moving_report, with_strips

SHOWN = "Number(document.getElementById('frame').textContent)"
TOLD_BY_HAND = "HTMLVideoElement.prototype.requestVideoFrameCallback = function (told) { window.frameCame = told; };"


def test_a_frame_from_before_a_seek_is_no_news(watched: Watched) -> None:
    """A browser tells of a frame that it has put on screen when it has time to, even after another was asked for."""
    watched.page.add_init_script(TOLD_BY_HAND)
    page = watched.open(make_moving_report(), address="#t=6")
    watched.wait_until("location.hash === '#t=6' && !document.querySelector('video').seeking")
    page.evaluate("frameCame(0, { mediaTime: 3, presentationTime: performance.now() })")
    assert page.evaluate(SHOWN) == 30
    told = """(() => {
        window.then = performance.now();
        document.querySelector("[data-step='1']").click();
        frameCame(0, { mediaTime: 3, presentationTime: performance.now() });
    })()"""
    page.evaluate(told)
    assert page.evaluate(SHOWN) == 31
    watched.wait_until("!document.querySelector('video').seeking && location.hash === '#t=8.1'")
    page.evaluate("frameCame(0, { mediaTime: 3, presentationTime: window.then })")
    assert page.evaluate(SHOWN) == 31
    assert watched.grey() == pytest.approx(5 * 31, abs=6)


def test_keys_count_from_what_was_asked_last(watched: Watched) -> None:
    """Faster than the video tells of the first: two steps on, five seconds back, two on, and a bout begins there."""
    page = watched.open(make_moving_report(), address="#t=6")
    page.locator("#correct summary").click()
    page.locator("#correct summary").evaluate("(each) => each.blur()")
    page.evaluate(
        """for (const key of [".", ".", "j", ".", ".", "b"]) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        }"""
    )
    assert page.evaluate(SHOWN) == 2
    assert page.locator("[name=start]").input_value() == f"{START_S + 2 / FPS:.3f}"
    assert watched.source_time() == pytest.approx(START_S + 2 / FPS, abs=0.01)


def test_what_a_paused_video_shows_is_what_is_drawn(watched: Watched) -> None:
    """The clock of a video that plays is ahead of its picture; where it is paused the picture counts."""
    page = watched.open(make_moving_report())
    page.locator("#speed").select_option("0.25")
    for moment in (0.35, 0.81, 1.23, 1.77):
        page.evaluate("document.querySelector('video').play()")
        watched.wait_until(f"document.querySelector('video').currentTime > {moment}")
        page.evaluate("document.querySelector('video').pause()")
        watched.wait_until("document.querySelector('video').paused")
        page.evaluate("document.querySelector('video').dispatchEvent(new Event('timeupdate'))")
        watched.wait_until("document.getElementById('drawing').dataset.frame !== ''")
        assert watched.grey() == pytest.approx(5 * page.evaluate(SHOWN), abs=2.4)


def test_probabilities_are_read_once_however_often_they_are_switched(watched: Watched) -> None:
    page = watched.open(with_strips(make_moving_report()))
    page.evaluate("for (let i = 0; i < 3; i += 1) document.getElementById('likely').click();")
    watched.wait_until("document.getElementById('said').textContent !== ''")
    assert page.locator(".strip").count() == 2


def test_an_end_that_is_moved_is_not_moved_in_another_bout(watched: Watched) -> None:
    """Person 1 walks from 6 to 7 s and waves from 7.5 s on, which is chosen while the key is held."""
    page = watched.open(make_moving_report())
    page.locator("#correct summary").click()
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    page.keyboard.down("ArrowRight")
    page.locator(".lane").first.dispatch_event("keydown", {"key": "End"})
    page.keyboard.up("ArrowRight")
    page.locator(".grip.start").evaluate("(each) => each.dispatchEvent(new FocusEvent('blur'))")
    assert page.locator("[name=start]").input_value() == "7.500"
    assert page.locator(".lane").first.locator(".label").all_text_contents() == ["walk", "wave"]


def test_two_pages_of_one_report_keep_both_corrections(watched: Watched) -> None:
    """Person 1 in one, person 2 in the other; the one that keeps last says so."""
    one = watched.open(make_moving_report())
    two = one.context.new_page()
    two.goto(one.url)
    for page, lane, text in ((one, 0, "Download"), (two, 1, "Another page of this report kept corrections, too")):
        page.bring_to_front()
        while page.evaluate("document.documentElement.dataset.ready") is None:
            page.wait_for_timeout(20)
        page.locator("#correct summary").click()
        page.locator(".lane").nth(lane).focus()
        page.locator("[name=coder]").fill("Ada")
        page.locator("#correct summary").evaluate("(each) => each.blur()")
        page.locator(".lane").nth(lane).focus()
        page.keyboard.press("2")
        page.get_by_text(text).wait_for()
    two.close()
    one.reload()
    watched.wait_until("document.documentElement.dataset.ready === ''")
    assert one.locator(".lane.edited").count() == 2
