"""What browsers load: small enough for a phone in a kitchen, nothing from outside, colours that can be told apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import brotli
import pytest
from django.test import override_settings

from lingxiu.ui.palette import BUILT_PALETTE, Tone, colour, tones
from tests.frontend.conftest import PLAIN_STATIC, render

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
TEMPLATES = ROOT / "src" / "lingxiu"
BUILT = BUILT_PALETTE.parent
LOADED = sorted(path for path in BUILT.iterdir() if path.suffix in {".js", ".css", ".svg"})

# What a first visit loads, in bytes over the wire (brotli). interface.md allows a list page 150 kB, its HTML included.
BUDGETS = {
    "a list": (60_000, ["style.css", "page.js", "icons.svg"]),
    "the public's page": (25_000, ["style.css", "frame.js", "icons.svg"]),
    "a form with a photo": (70_000, ["style.css", "page.js", "icons.svg", "form.js", "photo.js"]),
    "a device's chart": (215_000, ["style.css", "page.js", "icons.svg", "chart.js"]),
    "the map": (450_000, ["style.css", "page.js", "icons.svg", "map.js", "map-worker.js", "map-style.css"]),
}

# Addresses that stand in what we ship and are never fetched: names of namespaces, links in messages to developers.
NEVER_FETCHED = {
    "www.w3.org": "XML namespaces",
    "github.com": "an issue named in a warning of MapLibre",
    "maplibre.org": "the link behind MapLibre's logo and attribution, which our map does not show",
    "maplibre.invalid": "a base for parsing relative addresses",
    "wiki.openstreetmap.org": "named in an error of MapLibre",
}


def on_the_wire(name: str) -> int:
    return len(brotli.compress((BUILT / name).read_bytes()))


@pytest.mark.parametrize("page", BUDGETS)
def test_a_first_visit_stays_within_its_budget(page: str) -> None:
    budget, files = BUDGETS[page]
    assert sum(on_the_wire(name) for name in files) <= budget


def test_a_list_of_fifty_rows_with_all_it_loads_stays_under_150_kilobytes() -> None:
    row = '<tr><c-td main><a href="/issues/2026030500001/">{% translate "Open issues" %}</a></c-td>' + (
        '<c-td label="x"><c-badge tone="handling" word="x" /></c-td><c-td><c-level :level="2" /></c-td>' * 4 + "</tr>"
    )
    with override_settings(STORAGES=PLAIN_STATIC):
        html = render(
            f'{{% extends "base.html" %}}{{% block content %}}<c-table>{row * 50}</c-table>{{% endblock %}}', {}
        )
    assert len(brotli.compress(html.encode())) + sum(map(on_the_wire, BUDGETS["a list"][1])) < 150_000


@pytest.mark.parametrize("path", LOADED, ids=lambda path: path.name)
def test_nothing_built_comes_from_another_host(path: Path) -> None:
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9][a-z0-9.-]*\.[a-z]{2,})", path.read_text(encoding="utf-8")))
    assert hosts <= NEVER_FETCHED.keys()


@pytest.mark.parametrize("path", [path for path in LOADED if path.suffix == ".css"], ids=lambda path: path.name)
def test_styles_fetch_nothing_at_all(path: Path) -> None:
    assert [
        url for url in re.findall(r"url\(([^)]+)\)", path.read_text()) if not url.strip("\"'").startswith("data:")
    ] == []


def test_styles_use_no_function_too_young_for_the_fields_phones() -> None:
    assert not re.search(r"light-dark\(|oklch\(", (BUILT / "style.css").read_text())


def test_what_others_made_is_named_with_its_licence() -> None:
    notices = (BUILT / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    for part in ["htmx.org 2.", "idiomorph ", "maplibre-gl ", "echarts ", "@tabler/core ", "@tabler/icons "]:
        assert f"\n{part}" in f"\n{notices}"


def test_no_page_sets_styles_or_scripts_inline() -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}: {match}"
        for path in TEMPLATES.rglob("templates/**/*.html")
        for match in re.findall(
            r"""\sstyle=["']|\son[a-z]+=["']|<style|<script(?![^>]*\b(?:src|type="application/json")\b)""",
            path.read_text(),
        )
    ]
    assert found == []


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    built = set(re.findall(r'<symbol id="([^"]+)"', (BUILT / "icons.svg").read_text()))
    named = {
        icon
        for path in TEMPLATES.rglob("templates/**/*.html")
        for icon in re.findall(r'(?:<c-icon name|[^-:]\bicon)="([a-z0-9-]+)"', path.read_text())
    }
    assert named - built == set()


# colours


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2, 'relative luminance')."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


SURFACE = json.loads(BUILT_PALETTE.read_text())["surface"]
MAP = json.loads(BUILT_PALETTE.read_text())["map"]


@pytest.mark.parametrize("tone", tones().values(), ids=list(tones()))
def test_words_on_a_tone_can_be_read(tone: Tone) -> None:
    assert contrast(tone.ink, tone.soft) >= 4.5
    assert contrast(tone.on, tone.fill) >= 4.5
    assert contrast(tone.ink, SURFACE["ground"]) >= 4.5


@pytest.mark.parametrize("tone", tones().values(), ids=list(tones()))
def test_marks_stand_out_from_paper_and_land(tone: Tone) -> None:
    assert contrast(tone.fill, SURFACE["paper"]) >= 3
    assert contrast(tone.fill, MAP["land"]) >= 3


@pytest.mark.parametrize("text", ["text", "quiet", "link", "brand"])
@pytest.mark.parametrize("ground", ["paper", "ground", "brand_soft", "hover"])
def test_text_can_be_read_on_every_ground(text: str, ground: str) -> None:
    assert contrast(SURFACE[text], SURFACE[ground]) >= 4.5


def test_the_rail_can_be_read_and_edges_and_focus_be_seen() -> None:
    assert contrast(SURFACE["rail_text"], SURFACE["rail"]) >= 4.5
    assert contrast(SURFACE["rail_quiet"], SURFACE["rail"]) >= 4.5
    assert contrast(SURFACE["edge"], SURFACE["paper"]) >= 3
    assert contrast(SURFACE["focus"], SURFACE["ground"]) >= 2.9


def test_python_and_pages_read_one_palette() -> None:
    assert (FRONTEND / "palette.json").read_bytes() == BUILT_PALETTE.read_bytes()
    assert colour("level3") == colour("prohibited") == colour("late")
    assert colour("no such meaning") == colour("neutral")


def test_colours_stand_in_the_palette_alone() -> None:
    sources = [
        *FRONTEND.glob("styles/*.css"),
        *FRONTEND.glob("lib/*.ts"),
        *FRONTEND.glob("islands/map.ts"),
        *FRONTEND.glob("islands/chart.ts"),
    ]
    assert [
        f"{path.name}: {found}" for path in sources for found in re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text())
    ] == []
