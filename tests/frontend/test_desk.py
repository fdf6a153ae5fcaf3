"""A list with the chosen issue beside it, in a real browser under the real security policy: opened, left, gone through by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.frontend.conftest import Answer, Stage

pytestmark = pytest.mark.browser

NUMBERS = ["2026030500001", "2026030500002", "2026030500003"]

LIST = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/list.js' %}"></script>
<script type="module" src="{% static 'built/desk.js' %}"></script>{% endblock %}
{% block content %}
<form class="filters"><input class="q" type="search" name="q" aria-label="Search">
<input type="hidden" name="issue" value="" disabled></form>
<div class="desk" data-island="desk"><div data-island="list">
  <table class="list"><thead><tr><th><input type="checkbox" data-tick-all aria-label="All" hidden></th><th>Issue</th></tr></thead>
  <tbody>{% for number in numbers %}<tr id="row-{{ number }}">
  <td><input type="checkbox" name="row" value="{{ number }}.0" aria-label="Tick {{ number }}"></td>
  <td class="main"><a id="to-{{ number }}" href="/issues/{{ number }}/">Issue {{ number }}</a></td></tr>{% endfor %}
  </tbody></table></div>
  <section data-beside aria-label="The chosen issue"
  data-last="The last one" data-gone="Gone" data-scripts="{% static 'built/form.js' %}" hidden>
  <p role="status" data-beside-told hidden></p><div data-beside-body></div></section>
</div>
{% endblock %}"""

BESIDE = """<div data-pane="{number}"><h2 tabindex="-1" data-pane-name>About {number}</h2>
<button type="button" data-pane-next>Next</button><button type="button" data-pane-close>Close</button>
<div data-key="a"><form id="move-accept" method="post" action="/moves" data-island="form">
<input type="hidden" name="submission" value=""><div class="form-note" hidden></div><button>Accept</button></form></div>
<details data-key="t"><summary>Transfer</summary><form><label>Words <textarea></textarea></label></form></details></div>"""


@pytest.fixture
def wide(stage: Stage, browser: Browser) -> Iterator[Page]:
    """The list on a desk, once its islands have started."""
    stage.page("/list", LIST, numbers=NUMBERS)
    for number in NUMBERS:
        stage.page(f"/issues/{number}/", '{% extends "base.html" %}{% block heading %}The whole of it{% endblock %}')
        stage.answer(f"/issues/{number}/pane/", Answer(BESIDE.replace("{number}", number)))
    context = browser.new_context(base_url=stage.address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/list")
    expect(page.get_by_label("All")).to_be_visible()
    yield page
    context.close()
    assert [text for text in complaints if not re.search(r"net::|status of \d+", text)] == []


def heading(page: Page, number: str) -> None:
    """That this issue stands beside the list, and is where the keyboard is."""
    expect(page.get_by_role("heading", name=f"About {number}")).to_be_focused()


def test_a_row_opens_beside_the_list_and_the_address_names_it(wide: Page) -> None:
    wide.locator(f"#to-{NUMBERS[1]}").click()
    heading(wide, NUMBERS[1])
    assert wide.url.endswith(f"/list?issue={NUMBERS[1]}")
    expect(wide.locator(f"#to-{NUMBERS[1]}")).to_have_attribute("aria-current", "true")
    expect(wide.locator("form.filters input[name=issue]")).to_have_value(NUMBERS[1])
    wide.reload()
    expect(wide.get_by_role("heading", name=f"About {NUMBERS[1]}")).to_be_visible()


def test_back_and_forward_go_from_issue_to_issue_and_to_the_list_alone(wide: Page) -> None:
    wide.locator(f"#to-{NUMBERS[0]}").click()
    heading(wide, NUMBERS[0])
    wide.locator(f"#to-{NUMBERS[2]}").click()
    heading(wide, NUMBERS[2])
    wide.go_back()
    heading(wide, NUMBERS[0])
    wide.go_back()
    expect(wide.get_by_label("The chosen issue")).to_be_hidden()
    wide.go_forward()
    heading(wide, NUMBERS[0])


def test_enter_opens_the_row_n_takes_the_next_and_escape_leads_back_to_it(wide: Page) -> None:
    wide.keyboard.press("j")
    wide.keyboard.press("Enter")
    heading(wide, NUMBERS[0])
    wide.keyboard.press("n")
    heading(wide, NUMBERS[1])
    wide.keyboard.press("n")
    heading(wide, NUMBERS[2])
    wide.keyboard.press("n")
    expect(wide.get_by_role("status").filter(has_text="The last one")).to_be_visible()
    wide.keyboard.press("Escape")
    expect(wide.locator(f"#to-{NUMBERS[2]}")).to_be_focused()
    expect(wide.get_by_label("The chosen issue")).to_be_hidden()
    assert wide.url.endswith("/list")


def test_a_letter_leads_to_the_form_of_a_move_and_makes_none(wide: Page, stage: Stage) -> None:
    wide.locator(f"#to-{NUMBERS[0]}").click()
    heading(wide, NUMBERS[0])
    wide.keyboard.press("a")
    expect(wide.get_by_role("button", name="Accept")).to_be_focused()
    wide.keyboard.press("t")
    expect(wide.get_by_label("Words")).to_be_focused()
    wide.keyboard.type("no, not these: n t a")  # typed, not pressed
    expect(wide.get_by_label("Words")).to_have_value("no, not these: n t a")
    assert stage.sent == []
    expect(wide.get_by_role("heading", name=f"About {NUMBERS[0]}")).to_be_visible()


def test_a_form_sent_beside_the_list_leaves_it_and_shows_what_came_of_it(wide: Page, stage: Stage) -> None:
    stage.posts["/moves"] = lambda sent: Answer(
        status=204, headers={"X-Lingxiu-Location": f"/issues/{NUMBERS[0]}/", "X-Lingxiu-Accepted": "1"}
    )
    wide.locator(f"#to-{NUMBERS[0]}").click()
    heading(wide, NUMBERS[0])
    wide.evaluate("() => document.body.addEventListener('lingxiu:changed', () => { document.title = 'asked again'; })")
    stage.answer(f"/issues/{NUMBERS[0]}/pane/", Answer(BESIDE.replace("{number}", NUMBERS[0]).replace("About", "Now")))
    wide.get_by_role("button", name="Accept").click()
    expect(wide.get_by_role("heading", name=f"Now {NUMBERS[0]}")).to_be_focused()
    expect(wide).to_have_title("asked again")
    assert wide.url.endswith(f"/list?issue={NUMBERS[0]}")
    assert len(stage.sent) == 1


def test_when_the_row_has_gone_the_next_one_is_the_one_in_its_place(wide: Page) -> None:
    wide.locator(f"#to-{NUMBERS[1]}").click()
    heading(wide, NUMBERS[1])
    wide.evaluate(
        f"""() => {{ document.querySelector("#row-{NUMBERS[1]}").remove();
                     document.body.dispatchEvent(new CustomEvent("htmx:afterSwap", {{ bubbles: true }})); }}"""
    )
    wide.keyboard.press("n")
    heading(wide, NUMBERS[2])


def test_what_went_out_of_sight_says_so_and_the_next_can_be_taken(wide: Page, stage: Stage) -> None:
    stage.answer(f"/issues/{NUMBERS[0]}/pane/", Answer("", 404))
    wide.locator(f"#to-{NUMBERS[0]}").click()
    expect(wide.get_by_role("status").filter(has_text="Gone")).to_be_visible()
    wide.keyboard.press("n")
    heading(wide, NUMBERS[1])


def test_on_a_narrow_screen_a_row_is_a_link(wide: Page) -> None:
    wide.set_viewport_size({"width": 1100, "height": 800})
    wide.locator(f"#to-{NUMBERS[0]}").click()
    expect(wide.get_by_role("heading", name="The whole of it")).to_be_visible()
