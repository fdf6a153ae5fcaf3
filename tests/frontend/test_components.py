"""Components say in words what they say in colour, escape what they are given, and take nothing they do not declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.test import override_settings
from django.utils import translation

from lingxiu.ui.locator import frame
from lingxiu.ui.templatetags.look import share, sparkline
from tests.frontend.conftest import PLAIN_STATIC, render

HOUSE = Path(__file__).resolve().parents[2] / "src/lingxiu"
COTTON = HOUSE / "ui/templates/cotton"
AT = datetime(2026, 3, 5, 6, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english_without_manifest() -> Iterator[None]:
    with override_settings(STORAGES=PLAIN_STATIC), translation.override("en"):
        yield


def html(source: str, **context: Any) -> str:
    return re.sub(r"\s+", " ", render(source, context)).strip()


def words(source: str, **context: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html(source, **context)).split())


def test_a_badge_says_its_state() -> None:
    assert words('<c-badge tone="on_time" word="Handling" />') == "Handling"
    assert 'class="badge tone-on-time"' in html('<c-badge tone="on_time" word="Handling" />')


def test_a_level_says_its_number_also_when_only_the_mark_is_drawn() -> None:
    assert words('<c-level :level="3" />') == "3 Level 3"
    assert words('<c-level :level="3" :words="False" />') == "3 Level 3"
    assert words('<c-level :level="missing" />', missing=None) == "– Not rated"


def test_a_number_opens_and_draws_its_trend() -> None:
    stat = html('<c-stat label="Late" :value="n" url="/issues/?late=1" :trend="days" />', n=7, days=[1, 3, 2])
    assert '<a class="stat tone-neutral" href="/issues/?late=1">' in stat
    assert '<polyline points="0.0,28.0 50.0,2.0 100.0,15.0"/>' in stat


def test_a_tile_that_knows_nothing_has_no_unit_and_one_with_a_word_may_wrap() -> None:
    assert "<small>" not in html('<c-stat label="Complete" value="–" unit="%" />')
    assert "<small>%</small>" in html('<c-stat label="Complete" value="97" unit="%" />')
    assert 'class="stat-value words"' in html('<c-stat label="State" value="under maintenance" />')
    assert 'class="stat-value"' in html('<c-stat label="Late" :value="n" />', n=7)


def test_a_time_is_the_countys_and_stands_without_script() -> None:
    due = html('<c-due :at="at" />', at=AT)
    assert 'data-due-at="2026-03-05T14:20:00+08:00"' in due
    assert words('<c-due :at="at" />', at=AT) == "2026-03-05 14:20"


def test_what_is_done_is_not_late() -> None:
    assert "data-due-at" not in html('<c-due :at="at" done />', at=AT)


def test_a_provisional_deadline_says_so() -> None:
    assert words('<c-due :at="at" provisional />', at=AT) == "2026-03-05 14:20 provisional"


class Declared(forms.Form):
    phone = forms.CharField(help_text="Only to answer you.")
    told = forms.BooleanField(required=False)
    result = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)


def test_a_field_names_its_error_and_ties_it_to_the_input() -> None:
    form = Declared({"phone": ""})
    field = html('<c-field :field="form.phone" />', form=form)
    assert 'class="field wrong"' in field
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="id_phone_helptext' in field
    assert 'id="id_phone_helptext"' in field
    assert "This field is required." in field


def test_choices_stand_in_a_group_with_a_legend() -> None:
    assert "<fieldset" in html('<c-field :field="form.result" />', form=Declared())


def test_a_checkbox_is_named_once() -> None:
    assert words('<c-field :field="form.told" />', form=Declared()) == "Told"


@pytest.mark.parametrize(
    "source",
    [
        '<c-badge :word="evil" />',
        '<c-stat :label="evil" :value="evil" :note="evil" />',
        '<c-card :title="evil">{{ evil }}</c-card>',
        '<c-event :word="evil" :who="evil" />',
        '<c-fact :label="evil" :source="evil">{{ evil }}</c-fact>',
        '<c-photo :shop="evil" :person="evil" :place="evil" :label="evil" />',
        '<c-map-card :address="evil" :name="evil" outline="M0 0Z" />',
        '<c-alert :title="evil">{{ evil }}</c-alert>',
        '<c-button :label="evil" :url="evil" />',
        '<c-filters :q="evil" :placeholder="evil" :action="evil" />',
        '<c-td :label="evil">{{ evil }}</c-td>',
        '<c-empty :title="evil" :url="evil" :action="evil" />',
        '<c-form :id="evil" :draft="evil" :action="evil" />',
    ],
)
def test_what_a_stranger_typed_stays_text(source: str) -> None:
    assert "<marquee>" not in html(source, evil='"><marquee>')


@pytest.mark.parametrize("path", sorted(COTTON.glob("*.html")), ids=lambda path: path.stem)
def test_a_component_declares_everything_it_reads(path: Path) -> None:
    """Undeclared names would leak in from the page, and undeclared attributes into the markup unescaped."""
    source = path.read_text()
    declared = set(re.findall(r"[\s:]([a-z_]+)=", (re.search(r"<c-vars[^>]*/>", source) or [""])[0]))
    body = re.sub(r"<c-vars.*?/>", "", source)
    local = (
        set(re.findall(r"{% for (\w+) in", body))
        | set(re.findall(r" as (\w+) %}", body))
        | {"slot", "forloop", "request"}
    )
    read = set(re.findall(r"{{\s*([a-z_]+)", body)) | set(re.findall(r'[\s]:[a-z-]+="([a-z_]+)', body))
    read |= {
        name
        for test in re.findall(r"{% (?:el)?if ([^%]+) %}", body)
        for name in re.findall(r"(?<![\w.\"'])[a-z_]+(?![\w\"'])", test)
    }
    assert read - declared - local - {"and", "or", "not", "is", "in"} == set()
    assert "{{ attrs }}" not in body


def declared(component: Path) -> set[str]:
    """The attributes a component takes."""
    head = re.search(r"<c-vars(.*?)/>", component.read_text(), re.DOTALL)
    return set(re.findall(r"[\s:]([a-z_]+)=", head[1])) if head else set()


@pytest.mark.parametrize(
    "template", sorted(HOUSE.glob("*/templates/**/*.html")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_pages_give_components_only_what_they_take(template: Path) -> None:
    """A mistyped attribute would vanish without a word."""
    takes = {path.stem.replace("_", "-"): declared(path) for path in COTTON.glob("*.html")} | {"slot": {"name"}}
    source = re.sub(r"{%.*?%}|{{.*?}}|<c-vars.*?/>", "", template.read_text(), flags=re.DOTALL)
    used = re.findall(r"<c-([a-z-]+)([^<>]*?)/?>", source)
    given = [
        (name, attribute)
        for name, rest in used
        for attribute in re.findall(r":?([a-z_-]+)", re.sub(r"""=("[^"]*"|'[^']*')""", "", rest))
    ]
    assert [pair for pair in given if pair[1] not in takes[pair[0]]] == []


# drawing


def test_a_flat_trend_runs_through_the_middle_and_one_value_draws_nothing() -> None:
    flat = sparkline([4, 4])
    assert flat is not None
    assert flat.points == "0.0,15.0 100.0,15.0"
    assert sparkline([4]) is None
    assert sparkline(None) is None


@pytest.mark.parametrize(
    ("value", "of", "shown"), [(50, 200, "25.0"), (9, 3, "100.0"), (-1, 3, "0.0"), (None, 3, "0"), (1, 0, "0")]
)
def test_a_bar_never_leaves_its_box(value: float | None, of: float, shown: str) -> None:
    assert share(value, of) == shown


def test_a_locator_keeps_shapes_in_their_box_and_north_up() -> None:
    county = frame((120.7, 30.7, 121.1, 31.0))
    corners = [county.point(lng, lat) for lng in (120.7, 121.1) for lat in (30.7, 31.0)]
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in corners)
    assert county.point(120.9, 31.0)[1] < county.point(120.9, 30.7)[1]


def test_a_locator_draws_points_that_fall_together_once() -> None:
    assert frame((0, 0, 1, 1)).path([[(0, 0), (0.00001, 0), (1, 1)]]).count("L") == 1


def test_a_locator_refuses_bounds_that_enclose_nothing() -> None:
    with pytest.raises(ValueError, match="enclose nothing"):
        frame((1, 1, 1, 1))
