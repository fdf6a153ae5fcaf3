"""Keys of a list, in a real browser under the real security policy: to move, open, tick, search, and to be told of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.frontend.conftest import Stage

pytestmark = pytest.mark.browser

LIST = """{% extends "base.html" %}
{% block scripts %}<script type="module" src="{% static 'built/list.js' %}"></script>{% endblock %}
{% block content %}
<form class="filters"><input class="q" type="search" name="q" aria-label="Search"></form>
<div data-island="list" data-ticked-words="{n} ticked">
  <output data-ticked></output>
  <table class="list"><thead><tr><th><input type="checkbox" data-tick-all aria-label="All" hidden></th><th>Issue</th></tr></thead>
  <tbody>{% for number in "123" %}<tr id="row-{{ number }}">
  <td><input type="checkbox" name="row" value="{{ number }}.0" aria-label="Tick {{ number }}"></td>
  <td class="main"><a id="to-{{ number }}" href="/issue">Issue {{ number }}</a></td></tr>{% endfor %}</tbody></table>
  <details data-keys><summary>Keys</summary><p>j next</p></details>
</div>
{% endblock %}"""


@pytest.fixture
def rows(stage: Stage, page: Page) -> Page:
    stage.page("/list", LIST)
    stage.page("/issue", '{% extends "base.html" %}{% block heading %}The issue{% endblock %}')
    page.goto("/list")
    expect(page.get_by_label("All")).to_be_visible()  # the island has started
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_j_and_k_walk_the_rows_and_enter_opens_the_one_with_the_focus(rows: Page) -> None:
    press(rows, "j", "j", "k")
    expect(rows.locator("#to-1")).to_be_focused()
    press(rows, "k", "j", "ArrowDown")
    expect(rows.locator("#to-3")).to_be_focused()
    press(rows, "ArrowDown", "ArrowUp")
    expect(rows.locator("#to-2")).to_be_focused()
    press(rows, "Enter")
    expect(rows.get_by_role("heading", name="The issue")).to_be_visible()


def test_arrows_scroll_the_page_until_a_row_is_chosen(rows: Page) -> None:
    press(rows, "ArrowDown")
    expect(rows.locator("#to-1")).not_to_be_focused()


def test_x_ticks_the_chosen_row_and_the_count_is_told(rows: Page) -> None:
    press(rows, "x")
    expect(rows.locator("[data-ticked]")).to_have_text("")
    press(rows, "j", "x", "j", "j", "x")
    expect(rows.locator("[data-ticked]")).to_have_text("2 ticked")
    assert rows.locator("input[name=row]:checked").count() == 2
    press(rows, "x")
    expect(rows.locator("[data-ticked]")).to_have_text("1 ticked")
    rows.get_by_label("All").dispatch_event("click")
    expect(rows.locator("[data-ticked]")).to_have_text("3 ticked")


def test_ticks_outlast_a_refresh_and_go_with_their_row(rows: Page) -> None:
    press(rows, "j", "x", "j", "x")
    rows.evaluate(
        """() => {
          const body = document.querySelector("tbody");
          body.querySelector("#row-2").remove();
          for (const box of body.querySelectorAll("input")) { box.checked = false; box.value = box.value.replace(".0", ".1"); }
          body.dispatchEvent(new CustomEvent("htmx:afterSwap", { bubbles: true }));
        }"""
    )
    expect(rows.locator("[data-ticked]")).to_have_text("1 ticked")
    expect(rows.get_by_label("Tick 1")).to_be_checked()


def test_keys_are_off_while_something_is_typed(rows: Page) -> None:
    press(rows, "/")
    expect(rows.get_by_label("Search")).to_be_focused()
    rows.keyboard.type("jx?/k")
    expect(rows.get_by_label("Search")).to_have_value("jx?/k")
    assert rows.locator("details[data-keys]").get_attribute("open") is None


def test_keys_with_ctrl_are_the_browsers(rows: Page) -> None:
    press(rows, "Control+j")
    expect(rows.locator("#to-1")).not_to_be_focused()


def test_the_question_mark_shows_and_hides_what_keys_there_are(rows: Page) -> None:
    press(rows, "?")
    expect(rows.get_by_text("j next")).to_be_visible()
    press(rows, "?")
    expect(rows.get_by_text("j next")).to_be_hidden()
