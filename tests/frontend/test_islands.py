"""Islands in a real browser, under the real security policy: what a grid member in a doorway sees them do."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.frontend.conftest import Answer, Stage

pytestmark = pytest.mark.browser

FORM = """{% extends "base.html" %}
{% block scripts %}
  <script type="module" src="{% static 'built/form.js' %}"></script>
  <script type="module" src="{% static 'built/photo.js' %}"></script>
{% endblock %}
{% block heading %}Handle{% endblock %}
{% block content %}
<c-form id="move" draft="issue:1" action="/move" files>
  <c-field label="Words" name="words" required><textarea id="id_words" name="words" required></textarea></c-field>
  {% if wrong %}<ul class="errorlist"><li>Say what you did.</li></ul>{% endif %}
  <c-photo name="photo" label="Photo" shop="一鲜居" person="沈雨晴" place="施家路 18 号" />
  <c-actions><c-button kind="primary" name="move" value="feed_back" label="Feed back" /></c-actions>
</c-form>
{% endblock %}"""


@pytest.fixture
def form(stage: Stage, page: Page) -> Page:
    """A form standing at /issue, its answer given by each test."""
    stage.page("/issue", FORM)
    stage.page("/done", '{% extends "base.html" %}{% block heading %}Done{% endblock %}')
    page.goto("/issue")
    return page


def accepted(location: str = "/done") -> Answer:
    return Answer(status=204, headers={"X-Lingxiu-Location": location, "X-Lingxiu-Accepted": "1"})


def picture(path: Path, size: tuple[int, int] = (3200, 2400), age: float = 0) -> Path:
    """A white photo on disk, taken `age` seconds ago."""
    Image.new("RGB", size, "white").save(path, "JPEG")
    taken = time.time() - age
    os.utime(path, (taken, taken))
    return path


def send(page: Page) -> None:
    page.get_by_role("button", name="Feed back").click()


# forms


def test_an_accepted_form_leads_on_and_leaves_no_draft(stage: Stage, form: Page) -> None:
    stage.posts["/move"] = lambda sent: accepted()
    form.get_by_label("Words").fill("Purifier switched on.")
    send(form)
    form.wait_for_url("**/done")
    assert stage.sent[0].fields["words"] == "Purifier switched on."
    assert stage.sent[0].fields["move"] == "feed_back"
    assert stage.sent[0].headers["X-Lingxiu-Form"] == "1"
    form.goto("/issue")
    expect(form.get_by_label("Words")).to_have_value("")


def test_what_was_typed_comes_back_after_a_reload_with_its_photo(form: Page, tmp_path: Path) -> None:
    form.get_by_label("Words").fill("Half a sentence")
    form.locator("input[type=file]").set_input_files(picture(tmp_path / "now.jpg"))
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("1")
    form.wait_for_function("async () => (await indexedDB.databases()).length > 0")
    form.reload()
    expect(form.get_by_label("Words")).to_have_value("Half a sentence")
    expect(form.locator("canvas[data-photo-preview]")).to_be_visible()
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("1")
    assert form.locator("input[type=file]").evaluate("input => input.files.length") == 1
    expect(form.locator(".form-note")).to_be_visible()


def test_what_is_typed_and_taken_before_the_scripts_are_there_counts(stage: Stage, page: Page, tmp_path: Path) -> None:
    """On a slow line the page is read and used before its scripts have come."""
    stage.page("/issue", FORM)
    page.goto("/issue")
    page.get_by_label("Words").fill("An old draft")
    page.get_by_label("Words").blur()

    held: list[Route] = []
    slow = True
    page.route("**/built/*.js", lambda route: held.append(route) if slow else route.continue_())
    page.goto("/issue", wait_until="commit")
    page.get_by_label("Words").fill("Faster than the scripts")
    page.locator("input[type=file]").set_input_files(picture(tmp_path / "now.jpg"))
    expect(page.locator("input[name=photo_watermarked]")).to_have_value("")
    slow = False
    for route in held:
        route.continue_()
    expect(page.locator("input[name=photo_watermarked]")).to_have_value("1")
    expect(page.get_by_label("Words")).to_have_value("Faster than the scripts")
    assert page.locator("input[type=file]").evaluate("input => input.files.length") == 1


def test_starting_afresh_forgets_the_draft(form: Page) -> None:
    form.get_by_label("Words").fill("Wrong shop")
    form.reload()
    form.locator(".form-note button").click()
    expect(form.get_by_label("Words")).to_have_value("")


def test_what_is_missing_is_said_by_the_page_and_gone_when_it_is_filled_in(stage: Stage, form: Page) -> None:
    send(form)
    said = form.locator(".field.wrong p.errors")
    expect(said).to_have_text("This is missing: fill it in.")
    expect(form.locator("#id_words")).to_be_focused()
    form.locator("#id_words").fill("Looked at it.")
    expect(said).to_have_count(0)
    expect(form.locator(".field.wrong")).to_have_count(0)
    assert stage.sent == []


CHOICES = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/form.js' %}"></script>{% endblock %}
{% block content %}
<c-form id="choose" action="/choose">
  <fieldset class="field"><legend>Kind</legend>{% for one in "abc" %}<label class="check"><input type="radio" name="kind" value="{{ one }}" required>{{ one }}</label>{% endfor %}</fieldset>
  <c-field label="Days" name="days" required><input type="number" id="id_days" name="days" min="1" max="5" value="9"></c-field>
  <c-field label="Day" name="day"><input type="date" id="id_day" name="day" value="2026-03-05"></c-field>
  <c-field label="When" name="when"><input type="datetime-local" id="id_when" name="when"></c-field>
  <c-actions><c-button kind="primary" label="Feed back" /></c-actions>
</c-form>
{% endblock %}"""  # noqa: E501 (a template)


def test_of_several_choices_it_is_said_once_that_one_is_missing(stage: Stage, page: Page) -> None:
    stage.page("/choose", CHOICES)
    page.goto("/choose")
    send(page)
    expect(page.locator("p.errors")).to_have_text(["Choose one of these.", "At most 5."])
    page.get_by_label("b", exact=True).check()
    expect(page.locator("p.errors")).to_have_text(["At most 5."])


JOIN = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/hands.js' %}"></script>{% endblock %}
{% block content %}
<input id="join-into" aria-label="Number" value="1">
<ul data-island="phrases" data-fills="join-into"><li><a href="/issue">2026030500001</a>
<button type="button" data-instead="2026030500001" hidden>Choose this one</button></li></ul>
{% endblock %}"""


def test_an_issue_to_join_is_chosen_by_a_tap_instead_of_by_its_thirteen_digits(stage: Stage, page: Page) -> None:
    stage.page("/join", JOIN)
    page.goto("/join")
    page.get_by_role("button", name="Choose this one").click()
    expect(page.locator("#join-into")).to_have_value("2026030500001")


def test_a_day_is_shown_as_pages_write_it_whatever_the_browsers_language(stage: Stage, page: Page) -> None:
    stage.page("/choose", CHOICES)
    page.goto("/choose")
    expect(page.locator("#id_day")).to_have_attribute("data-shown", "2026-03-05")
    expect(page.locator("#id_when")).to_have_attribute("data-shown", "yyyy-mm-dd")
    page.locator("#id_when").fill("2026-03-05T22:40")
    expect(page.locator("#id_when")).to_have_attribute("data-shown", "2026-03-05 22:40")


def test_another_reader_of_the_same_phone_sees_no_draft(stage: Stage, form: Page) -> None:
    form.get_by_label("Words").fill("Mine alone")
    stage.page("/issue", FORM, user=SimpleNamespace(pk=8, is_authenticated=True))
    form.reload()
    expect(form.get_by_label("Words")).to_have_value("")


def test_signing_out_takes_every_draft_along(stage: Stage, form: Page) -> None:
    stage.posts["/sign-out/"] = lambda sent: Answer("bye")
    form.get_by_label("Words").fill("On a shared phone")
    form.locator(".phone-head summary").click()
    form.locator(".phone-head form[data-sign-out] button").click()
    form.wait_for_url("**/sign-out/")
    assert form.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:'))") == []


def test_without_signal_it_is_kept_and_sent_again_as_the_same_submission(
    stage: Stage, form: Page, phone: BrowserContext
) -> None:
    stage.posts["/move"] = lambda sent: accepted()
    form.get_by_label("Words").fill("In the cellar")
    before = form.locator("input[name=submission]").input_value()
    phone.set_offline(True)
    send(form)
    expect(form.locator(".form-note")).to_be_visible()
    phone.set_offline(False)
    form.reload()
    send(form)
    form.wait_for_url("**/done")
    assert [sent.fields["submission"] for sent in stage.sent] == [before]


@pytest.mark.parametrize(("leads_to", "kept"), [("/done", False), ("/sign-in/", True)])
def test_a_plain_redirect_is_followed_and_sign_in_keeps_the_draft(
    stage: Stage, form: Page, leads_to: str, kept: bool
) -> None:
    stage.page("/sign-in/", '{% extends "public.html" %}')
    stage.posts["/move"] = lambda sent: Answer(status=302, headers={"Location": leads_to})
    form.get_by_label("Words").fill("Purifier switched on.")
    send(form)
    if kept:
        expect(form.locator(".form-note a")).to_have_attribute("href", "/sign-in/?next=%2Fissue")
    else:
        form.wait_for_url("**/done")
    form.goto("/issue")
    expect(form.get_by_label("Words")).to_have_value("Purifier switched on." if kept else "")


def test_a_second_tap_sends_nothing(stage: Stage, form: Page) -> None:
    stage.posts["/move"] = lambda sent: accepted()
    form.get_by_label("Words").fill("Once")
    form.locator("form#move").evaluate(
        "form => { const b = form.querySelector('.btn-primary'); b.click(); b.click(); b.click(); }"
    )
    form.wait_for_url("**/done")
    assert len(stage.sent) == 1


def test_errors_come_back_in_the_form_and_the_photo_stays(stage: Stage, form: Page, tmp_path: Path) -> None:
    stage.page("/wrong", FORM, wrong=True)
    stage.posts["/move"] = lambda sent: Answer(stage.pages["/wrong"]().body, 422)
    form.get_by_label("Words").fill("x")
    form.locator("input[type=file]").set_input_files(picture(tmp_path / "now.jpg"))
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("1")
    send(form)
    expect(form.get_by_text("Say what you did.")).to_be_visible()
    assert form.locator("input[type=file]").evaluate("input => input.files.length") == 1
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("1")
    stage.posts["/move"] = lambda sent: accepted()
    form.get_by_label("Words").fill("Purifier switched on.")
    send(form)
    form.wait_for_url("**/done")
    assert stage.sent[1].files["photo"][1] == stage.sent[0].files["photo"][1]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=204, headers={"X-Lingxiu-Location": "/sign-in/?next=/issue", "X-Lingxiu-Accepted": "0"}),
        Answer(status=413),
        Answer(status=429),
        Answer("<main><h1>Our fault</h1></main>", 500),
    ],
    ids=["signed out", "too large", "too often", "our fault"],
)
def test_whatever_goes_wrong_the_words_stay(stage: Stage, form: Page, answer: Answer) -> None:
    stage.posts["/move"] = lambda sent: answer
    form.get_by_label("Words").fill("Still here")
    send(form)
    expect(form.locator(".form-note")).to_be_visible()
    expect(form.get_by_label("Words")).to_have_value("Still here")
    form.reload()
    expect(form.get_by_label("Words")).to_have_value("Still here")


# photos


def test_a_photo_taken_now_carries_shop_time_place_and_person_in_its_pixels(
    stage: Stage, form: Page, tmp_path: Path
) -> None:
    stage.posts["/move"] = lambda sent: accepted()
    form.locator("input[type=file]").dispatch_event("click")
    form.locator("input[type=file]").set_input_files(picture(tmp_path / "now.jpg"))
    expect(form.locator(".photo-note")).not_to_be_empty()
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("1")
    form.get_by_label("Words").fill("Seen")
    send(form)
    form.wait_for_url("**/done")
    fields, (name, content) = stage.sent[0].fields, stage.sent[0].files["photo"]
    assert (fields["photo_lng"], fields["photo_lat"], fields["photo_accuracy"]) == ("120.920000", "30.850000", "12")
    assert datetime.now(UTC) - datetime.fromisoformat(fields["photo_shot_at"]) < timedelta(minutes=2)
    with Image.open(BytesIO(content)) as photo:
        assert (name, photo.format, photo.size) == ("photo.jpg", "JPEG", (2560, 1920))
        assert written_band(photo) > 100


def written_band(photo: Image.Image) -> int:
    """How many rows from the foot up are no longer white at the left edge."""
    column = photo.convert("L").crop((0, 0, 1, photo.height)).tobytes()
    return sum(value < 200 for value in column)


def from_the_album(stage: Stage, form: Page, old: Path) -> tuple[dict[str, str], tuple[str, bytes]]:
    """What is sent of a picture that was chosen, not taken."""
    stage.posts["/move"] = lambda sent: accepted()
    form.locator("input[type=file]").set_input_files(old)
    expect(form.locator("canvas[data-photo-preview]")).to_be_visible()
    form.get_by_label("Words").fill("From yesterday")
    send(form)
    form.wait_for_url("**/done")
    return stage.sent[0].fields, stage.sent[0].files["photo"]


def test_a_photo_from_the_album_is_made_small_and_nothing_is_written_on_it(
    stage: Stage, form: Page, tmp_path: Path
) -> None:
    old = tmp_path / "old.jpg"
    Image.effect_noise((4000, 3000), 60).convert("RGB").save(old, "JPEG", quality=95)
    os.utime(old, (time.time() - 3600,) * 2)
    fields, (name, content) = from_the_album(stage, form, old)
    assert fields["photo_watermarked"] == ""
    with Image.open(BytesIO(content)) as photo:
        assert (name, photo.format, photo.size) == ("album.jpg", "JPEG", (2560, 1920))
    assert len(content) < old.stat().st_size / 2


def test_a_photo_from_the_album_that_is_small_is_sent_as_it_is(stage: Stage, form: Page, tmp_path: Path) -> None:
    old = picture(tmp_path / "old.jpg", (400, 300), age=3600)
    fields, sent = from_the_album(stage, form, old)
    assert (fields["photo_watermarked"], sent) == ("", ("old.jpg", old.read_bytes()))


def test_a_file_that_is_no_photo_is_named_as_such(form: Page, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("not a photo")
    form.locator("input[type=file]").set_input_files(tmp_path / "list.txt")
    expect(form.locator(".photo-note")).not_to_be_empty()
    expect(form.locator("input[name=photo_watermarked]")).to_have_value("")


# live pages


def test_a_change_morphs_the_region_and_leaves_focus_and_typing_alone(stage: Stage, page: Page) -> None:
    part = '<p id="count">{n}</p><input id="box" aria-label="box"><a id="open" href="/x">open</a>'
    stage.page(
        "/list",
        '{% extends "base.html" %}{% block content %}<c-live id="rows" url="/part">'
        + part.format(n=1)
        + "</c-live>{% endblock %}",
        pulse="a1",
    )
    stage.answer("/part", Answer(part.format(n=2)))
    stage.answer("/pulse", Answer(status=204, headers={"HX-Trigger": json.dumps({"lingxiu:changed": {"next": "a2"}})}))
    page.goto("/list")
    page.get_by_label("box").fill("half a wo")
    with page.expect_request("**/pulse?since=a1"):
        pass
    expect(page.locator("#count")).to_have_text("2")
    expect(page.get_by_label("box")).to_have_value("half a wo")
    expect(page.get_by_label("box")).to_be_focused()
    with page.expect_request("**/pulse?since=a2"):
        pass


def test_filters_refetch_their_region_while_one_types(stage: Stage, page: Page) -> None:
    region = '<c-filters q="" action="/issues/" target="#rows" alone /><div id="rows">{{ rows }}</div>'
    source = f'{{% extends "base.html" %}}{{% block content %}}{region}{{% endblock %}}'
    stage.page("/issues/", source, rows="all")
    page.goto("/issues/")
    stage.page("/issues/", source, rows="yxj only")
    page.get_by_role("searchbox").press_sequentially("yxj")
    expect(page.locator("#rows")).to_have_text("yxj only")
    expect(page.get_by_role("searchbox")).to_have_value("yxj")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.wait_for_url("**/?q=yxj")


@pytest.mark.parametrize(
    ("away", "says", "tone"),
    [
        (timedelta(hours=-14, minutes=-5), "14", "tone-late"),
        (timedelta(days=-5, minutes=-5), "5", "tone-late"),
        (timedelta(hours=3, minutes=5), "3", "tone-soon"),
        (timedelta(days=4, minutes=5), "4", "tone-on-time"),
    ],
)
def test_lateness_is_drawn_in_hours_then_days(stage: Stage, page: Page, away: timedelta, says: str, tone: str) -> None:
    stage.page(
        "/due",
        '{% extends "base.html" %}{% block content %}<c-due :at="at" />{% endblock %}',
        at=datetime.now(UTC) + away,
    )
    page.goto("/due")
    due = page.locator("time.due")
    expect(due).to_have_class(f"due {tone}")
    assert "".join(filter(str.isdigit, due.inner_text())) == says


def test_big_type_stays_on_the_next_page(stage: Stage, page: Page, phone: BrowserContext) -> None:
    stage.page("/face", '{% extends "public.html" %}{% block heading %}Shop{% endblock %}')
    page.goto("/face")
    page.locator("[data-text-size]").click()
    expect(page.locator("html")).to_have_class("elder")
    assert any(cookie["name"] == "size" and cookie["value"] == "big" for cookie in phone.cookies())


def test_a_menu_closes_on_escape_and_gives_focus_back(stage: Stage, page: Page) -> None:
    stage.page("/home", '{% extends "base.html" %}')
    page.goto("/home")
    page.locator(".phone-head summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".phone-head details")).not_to_have_attribute("open", "")
    expect(page.locator(".phone-head summary")).to_be_focused()


# chart


CHART = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/chart.js' %}"></script>{% endblock %}
{% block content %}<c-chart url="/chart.json" label="Fume"><p>rows</p></c-chart>{% endblock %}"""


def chart(windows: list[list[Any]], **more: Any) -> Answer:
    answer = {
        "unit": "mg/m³",
        "label": "Fume",
        "step": 10,
        "from": "2026-03-05T00:00:00+08:00",
        "until": "2026-03-06T00:00:00+08:00",
        "thresholds": [{"value": 2.0, "label": "2.0"}],
        "windows": windows,
        **{key: [] for key in ("beside", "alarms", "issues", "held")},
        **more,
    }
    return Answer(json.dumps(answer), kind="application/json")


def ten_minutes(n: int, *values: float | None) -> list[Any]:
    return [f"2026-03-05T{n // 6:02}:{n % 6}0:00+08:00", *values]


def test_a_forecast_is_drawn_as_a_trend_that_goes_on(stage: Stage, page: Page) -> None:
    trend = {
        "kind": "trend", "unit": "%", "label": "Level", "from": "2026-03-01", "until": "2026-03-24",
        "today": {"day": "2026-03-15", "label": "last figure"}, "limit": {"value": 95, "label": "limit 95"},
        "points": [[f"2026-03-{day:02}", 5.0 * day] for day in range(1, 16)],
        "line": {"label": "carried on", "points": [["2026-03-15", 75.0], ["2026-03-19", 95]]},
        "edges": [[["2026-03-15", 75.0], ["2026-03-18", 95]], [["2026-03-15", 75.0], ["2026-03-22", 95]]],
        "expected": {"from": "2026-03-18", "until": "2026-03-22", "label": "Interval"},
        "done": [{"day": "2026-03-01", "label": "last emptied 03-01"}],
    }  # fmt: skip
    stage.page("/device", CHART)
    stage.answer("/chart.json", Answer(json.dumps(trend), kind="application/json"))

    page.goto("/device")

    expect(page.locator(".chart canvas")).to_be_visible()
    page.locator(".chart canvas").hover()


def test_a_chart_is_drawn_under_the_security_policy(stage: Stage, page: Page) -> None:
    gone = [None] * 4
    windows = [ten_minutes(n, *(gone if 9 < n < 14 else (n / 10, n / 8, 10, n % 10))) for n in range(60)]
    other = {"name": "kind", "label": "median", "step": 60, "points": [["2026-03-05T02:00:00+08:00", 0.4]]}
    held = {"label": "maintenance", "from": "2026-03-05T08:00:00+08:00", "to": "2026-03-05T09:00:00+08:00"}
    stage.page("/device", CHART)
    stage.answer("/chart.json", chart(windows, beside=[other], held=[held]))
    page.goto("/device")
    expect(page.locator(".chart canvas")).to_be_visible()
    page.locator(".chart canvas").hover()
    expect(page.get_by_text("rows")).to_be_hidden()


def test_a_mark_on_a_chart_opens_its_alarm(stage: Stage, page: Page) -> None:
    midday = {"label": "high fume", "from": "2026-03-05T12:00:00+08:00", "to": None, "url": "/sensing/alarms/7/"}
    stage.page("/device", CHART)
    stage.page("/sensing/alarms/7/", '{% extends "base.html" %}{% block content %}the alarm{% endblock %}')
    stage.answer("/chart.json", chart([ten_minutes(n, 0.5, 0.9, 10, 10) for n in range(144)], alarms=[midday]))
    page.goto("/device")
    canvas = page.locator(".chart canvas")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    left, right, top = (46, 10, 68) if box["width"] < 520 else (58, 16, 50)
    page.mouse.click(box["x"] + left + (box["width"] - left - right) / 2, box["y"] + top)
    expect(page.get_by_text("the alarm")).to_be_visible()


def test_a_chart_without_readings_says_so(stage: Stage, page: Page) -> None:
    stage.page("/device", CHART)
    stage.answer("/chart.json", chart([]))
    page.goto("/device")
    expect(page.locator(".chart")).not_to_be_empty()


# map

MAP = """{% extends "base.html" %}
{% block head %}<link rel="stylesheet" href="{% static 'built/map-style.css' %}">{% endblock %}
{% block scripts %}<script type="module" src="{% static 'built/map.js' %}"></script>{% endblock %}
{% block body_class %}full{% endblock %}{% block page_head %}{% endblock %}
{% block content %}{% include "ui/map.html" %}{% endblock %}"""


def merchant(number: int, lng: float, lat: float, **more: Any) -> dict[str, Any]:
    facts = {
        "name": f"一鲜居{number}",
        "search": f"一鲜居{number} yixianju{number} yxj{number}",
        "kind": "small",
        "town": "a",
    }
    state = {"fume_level": 1, "stars": None, "open_issues": 0, "device_state": None, "alarms": 0}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lng, lat]},
        "properties": {"id": number, **facts, **state, **more},
    }


def collection(*features: dict[str, Any]) -> Answer:
    return Answer(json.dumps({"type": "FeatureCollection", "features": features}), kind="application/json")


@pytest.fixture
def county(stage: Stage, page: Page) -> Page:
    """A small county of five shops, one with an open issue, one with a new alarm."""
    shops = [
        merchant(n, 120.80 + n / 25, 30.85, open_issues=int(n == 3), fume_level=3 if n == 3 else 1) for n in range(1, 6)
    ]
    square = [[[120.7, 30.7], [121.1, 30.7], [121.1, 31.0], [120.7, 31.0], [120.7, 30.7]]]
    area = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}}
    alarm = {"id": 2, "code": "ALM-FUME-3", "label": "high", "mark": "open", "raised_at": datetime.now(UTC).isoformat()}
    stage.answer("/merchants.json", collection(*shops))
    stage.answer(
        "/areas.json", collection(area | {"properties": {"name": "嘉善县", "code": "330421", "level": "county"}})
    )
    river = {"type": "LineString", "coordinates": [[120.7, 30.8], [121.1, 30.9]]}
    stage.answer(
        "/ground.json", collection({"type": "Feature", "geometry": river, "properties": {"kind": "water", "width": 3}})
    )
    stage.answer("/alarms.json", collection({"type": "Feature", "geometry": shops[1]["geometry"], "properties": alarm}))
    stage.answer("/map/card/3/", Answer("<h2>一鲜居3</h2>"))
    config = {
        "worker_url": "/static/built/map-worker.js",
        "merchants_url": "/merchants.json",
        "areas_url": "/areas.json",
        "ground_url": "/ground.json",
        "alarms_url": "/alarms.json",
        "card_url": "/map/card/0/",
        "bounds": [120.7, 30.7, 121.1, 31.0],
    }
    shown = [SimpleNamespace(pk=n, name=f"一鲜居{n}", standing=SimpleNamespace(fume_level=1)) for n in range(1, 6)]
    towns, kinds = [{"code": "a", "name": "魏塘"}], [{"id": "small", "label": "small"}]
    stage.page("/map/", MAP, config=config, towns=towns, kinds=kinds, merchants=shown)
    return page


def test_the_map_becomes_usable_and_a_tap_opens_a_card(county: Page) -> None:
    county.set_viewport_size({"width": 1200, "height": 800})
    county.goto("/map/?at=120.92,30.85,15")
    expect(county.locator("#map[data-usable]")).to_be_visible()
    assert county.evaluate("performance.getEntriesByName('map-usable').length") == 1
    expect(county.locator("[data-map-list]")).to_be_hidden()
    canvas = county.locator("canvas.maplibregl-canvas").bounding_box()
    assert canvas is not None
    county.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    expect(county.locator("[data-map-card]")).to_contain_text("一鲜居3")
    county.keyboard.press("Escape")
    expect(county.locator("[data-map-card]")).to_be_hidden()


def test_initials_find_a_shop_and_filters_count(county: Page) -> None:
    county.goto("/map/")
    expect(county.locator("#map[data-usable]")).to_be_visible()
    county.locator("input[name=q]").fill("yxj3")
    expect(county.locator("[data-map-results] li")).to_have_count(1)
    county.locator("[data-map-results] button").click()
    expect(county.locator("[data-map-card]")).to_contain_text("一鲜居3")
    county.wait_for_url("**id=3**")


def test_a_new_alarm_pulses(county: Page) -> None:
    county.goto("/map/")
    expect(county.locator(".alarm-pulse")).to_have_count(1)
    expect(county.locator("#map[data-drawn]")).to_be_attached()


def test_where_webgl_2_is_missing_the_list_stands(county: Page) -> None:
    county.add_init_script("delete globalThis.WebGL2RenderingContext")
    county.goto("/map/")
    expect(county.locator("[data-map-list] a")).to_have_count(5)
    expect(county.locator("[data-map-list]")).to_be_visible()
    expect(county.locator("[data-map-canvas]")).to_be_hidden()


ROWS = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/form.js' %}"></script>{% endblock %}
{% block content %}
<c-form id="walk" draft="walk:1" action="/walk"><div class="one-by-one">
  {% for n in "12345" %}<details><summary>Find {{ n }}</summary>
    <select name="find_{{ n }}" aria-label="What {{ n }}">
      <option value="" selected>nothing</option><option value="hood">Hood</option>
    </select>
  </details>{% endfor %}
</div></c-form>
{% endblock %}"""


def rows_seen(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".one-by-one > details:visible > summary").all_inner_texts()]


def test_the_next_row_shows_when_the_one_before_is_in_use_and_a_draft_brings_all_back(stage: Stage, page: Page) -> None:
    stage.page("/walk", ROWS)
    page.goto("/walk")
    assert rows_seen(page) == ["Find 1"]
    page.get_by_text("Find 1").click()
    expect(page.get_by_text("Find 2")).to_be_visible()
    page.get_by_label("What 1").select_option("hood")
    page.get_by_text("Find 2").click()
    page.get_by_label("What 2").select_option("hood")
    page.get_by_text("Find 1").click()
    assert rows_seen(page) == ["Find 1", "Find 2", "Find 3"], "a row that says something stays, folded"
    page.goto("/walk")
    expect(page.get_by_label("What 2")).to_have_value("hood")
    expect(page.get_by_label("What 2")).to_be_visible()
    assert rows_seen(page) == ["Find 1", "Find 2", "Find 3"]


def test_rows_are_all_there_without_script(browser: Browser, stage: Stage) -> None:
    stage.page("/walk", ROWS)
    context = browser.new_context(java_script_enabled=False, base_url=stage.address)
    page = context.new_page()
    page.goto("/walk")
    for n in range(1, 6):
        page.get_by_text(f"Find {n}").click()
        page.get_by_label(f"What {n}").select_option("hood")
    context.close()
