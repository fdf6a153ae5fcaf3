"""Every component on one page: reachable by everybody (axe), nothing wider than its screen, thumbs hit what they aim at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms
from playwright.sync_api import Page, expect

from lingxiu.ui.palette import tones
from tests.frontend.conftest import Answer, Stage

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
AXE = HERE.parents[1] / "node_modules/axe-core/axe.min.js"
SIZES = {"desk": (1440, 900), "phone": (390, 844), "small phone": (360, 640)}
LONG = "A heading that is rather longer than anybody would wish it to be on a phone held in one hand"


class Fields(forms.Form):
    words = forms.CharField(widget=forms.Textarea, help_text="What you saw and did.")
    cause = forms.ChoiceField(choices=[("", "—"), ("a", "Broken")], required=False)
    result = forms.ChoiceField(choices=[("fixed", "Fixed"), ("later", "Later")], widget=forms.RadioSelect)
    told = forms.BooleanField(required=False)


@pytest.fixture(params=SIZES, ids=list(SIZES))
def kit(request: pytest.FixtureRequest, stage: Stage, page: Page) -> Page:
    """The kit at one size, its form sent back with errors."""
    context: dict[str, Any] = {
        "form": Fields({"words": ""}),
        "tones": list(tones()),
        "trend": [3, 1, 2],
        "at": datetime(2026, 3, 5, 6, 20, tzinfo=UTC),
        "nothing": None,
        "columns": [
            {"label": name, "url": "?sort", "sorted": "ascending"}
            for name in ["Issue", "State", "Level", "Days", "Due"]
        ],
        "tabs": [
            {"label": "Mine", "url": "?mine", "count": 12, "active": True},
            {"label": "All", "url": "?all", "count": None},
        ],
        "steps": [
            {"label": name, "state": state}
            for name, state in [("Received", "done"), ("Handling", "now"), ("Closed", "todo")]
        ],
        "menu": [{"url": f"/{n}/", "label": f"Entry {n}", "icon": "map", "active": n == 1} for n in range(6)],
    }
    stage.page("/kit", (HERE / "kit.html").read_text(), **context)
    stage.answer("/pulse", Answer(status=204))
    width, height = SIZES[request.param]
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/kit")
    return page


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })")
    return [f"{found['id']}: {node['html'][:120]}" for found in found["violations"] for node in found["nodes"]]


def test_everybody_can_reach_everything(kit: Page) -> None:
    assert violations(kit) == []


def test_nothing_is_wider_than_the_screen(kit: Page) -> None:
    assert kit.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_big_type_fits_as_well(kit: Page) -> None:
    kit.evaluate("document.documentElement.classList.add('elder')")
    kit.evaluate("text => document.querySelector('h1').textContent = text", LONG)
    assert kit.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_thumbs_hit_what_they_aim_at(kit: Page) -> None:
    """44 px on a phone (interface.md); links inside sentences and inside cards that open as a whole are left out."""
    if (kit.viewport_size or {})["width"] > 400:
        return
    small = kit.evaluate(
        """() => [...document.querySelectorAll('button, .btn, .tabs a, .phone-bar a, summary, select, input:not([type=hidden])')]
            .filter(e => e.offsetParent && !e.closest('.chart-fallback'))
            .map(e => [e, (e.closest('label.check, .field label:has(input)') ?? e).getBoundingClientRect()])
            .filter(([e, box]) => box.height < 43.5 && box.width > 1)
            .map(([e, box]) => `${e.outerHTML.slice(0, 80)} ${box.height}`)"""
    )
    assert json.dumps(small) == "[]"


def test_the_page_works_before_its_scripts(stage: Stage, kit: Page) -> None:
    """Without script: filters stand open, the menu opens, dates are dates, the file input is there."""
    context = kit.context.browser.new_context(java_script_enabled=False, base_url=stage.address)  # type: ignore[union-attr]  # a launched browser has one
    plain = context.new_page()
    plain.goto("/kit")
    expect(plain.get_by_label("State")).to_be_visible()
    expect(plain.locator("input[type=file]")).to_be_visible()
    expect(plain.get_by_text("2026-03-05 14:20").first).to_be_visible()
    context.close()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", ["404", "403", "csrf", "500"])
def test_error_pages_say_what_to_do_in_both_languages(stage: Stage, page: Page, name: str, language: str) -> None:
    stage.page("/wrong", f'{{% extends "errors/{name}.html" %}}', language)
    page.goto("/wrong")
    assert page.evaluate("document.documentElement.lang") == language
    expect(page.locator("main a.btn")).to_be_visible()
    assert violations(page) == []
