"""A department's Word template: what is wrong with it is named with its mend, and nothing that is sent breaks the reader."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from django.utils import translation
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.issues.template_check import MOST_BYTES, OBLIGATORY, preview, problems_in
from lingxiu.issues.word_templates import SHIPPED

GOOD = SHIPPED.read_bytes()


@pytest.fixture(autouse=True)
def _in_english() -> object:
    with translation.override("en"):
        yield


def paper(*lines: str, whole: bool = True) -> bytes:
    """A template of these lines, and, if `whole`, of every field that must be there."""
    made, out = Document(), BytesIO()
    for line in (*lines, *(f"{{{{ {field} }}}}" for field in OBLIGATORY if whole)):
        made.add_paragraph(line)
    made.save(out)
    return out.getvalue()


def changed(data: bytes, **parts: bytes | None) -> bytes:
    """With parts (`word__x_xml`: word/x.xml) put in its place, added, or taken out (None)."""
    out, names = BytesIO(), {name.replace("__", "/").replace("_xml", ".xml"): value for name, value in parts.items()}
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in names:
                new.writestr(name, old.read(name))
        for name, value in names.items():
            if value is not None:
                new.writestr(name, value)
    return out.getvalue()


def said(data: bytes) -> list[tuple[str, str]]:
    return [(one.field, f"{one.words} {one.mend}") for one in problems_in(data)]


def test_the_shipped_one_can_be_used_and_shows_made_up_data() -> None:
    assert problems_in(GOOD) == []
    text = "\n".join(line.text for line in Document(BytesIO(preview(GOOD))).paragraphs)
    assert "示例餐馆" in text and "2. 三日内提交清洗记录" in text and "{" not in text


def test_an_unknown_field_is_named_with_the_one_that_is_meant() -> None:
    assert said(paper("{{ merchnt }}")) == [("{{ merchnt }}", "There is no such field. Write merchant.")]
    [(field, words)] = said(paper("{{ zzzzzz }}"))
    assert field == "{{ zzzzzz }}" and "officers" in words and "act_code" in words
    assert said(paper("{{ officers[0].nam }}")) == [(".nam", "There is no such part of a field. Write name.")]


def test_what_no_notice_goes_without_is_named_field_by_field() -> None:
    missing = [field for field, _words in said(paper("{{ unit }} {{ merchant }}", whole=False))]
    assert missing == [f"{{{{ {field} }}}}" for field in OBLIGATORY if field not in ("unit", "merchant")]


def test_lists_and_conditions_are_filled_and_brackets_left_open_are_shown() -> None:
    assert (
        said(
            paper(
                "{%p for one in demands %}",
                "{{ loop.index }} {{ one }}",
                "{%p endfor %}",
                "{% if summary %}x{% endif %}",
            )
        )
        == []
    )
    [(_field, words)] = said(paper("{% for one in demands %}{{ one }}"))
    assert "This cannot be read" in words and "endfor" in words


@pytest.mark.parametrize(
    "line",
    ["{{ ''.__class__.__mro__ }}", "{{ 9 ** 9 ** 9 }}", "{% for x in range(10 ** 9) %}{% endfor %}", "{{ unit.format(1) }}",
     "{% set a = 1 %}", "{% include 'x' %}", "{{ demands|map('x') }}", "{% for a in bases %}{% for b in bases %}"
     "{% for c in bases %}x{% endfor %}{% endfor %}{% endfor %}", "{% for a in unit %}{{ a }}{% endfor %}"],
)  # fmt: skip
def test_a_template_calculates_and_calls_nothing(line: str) -> None:
    assert problems_in(paper(line))


def test_what_stands_in_head_and_properties_is_looked_at_too() -> None:
    made, out = Document(BytesIO(paper())), BytesIO()
    made.sections[0].header.paragraphs[0].text = "{{ nosuch }}"
    made.core_properties.title = "{{ cycler() }}"
    made.save(out)
    assert {"{{ nosuch }}", "{{ cycler }}"} <= {field for field, _words in said(out.getvalue())}


def test_macros_and_what_is_fetched_from_elsewhere_are_not_taken() -> None:
    assert "macros" in said(changed(GOOD, **{"word/vbaProject.bin": b"x"}))[0][1]
    rels = b"""<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship
      Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
      Target="http://example.org/a.dotm" TargetMode="External"/></Relationships>"""
    [(field, words)] = said(changed(GOOD, **{"word/_rels/settings.xml.rels": rels}))
    assert (field, "from elsewhere" in words) == ("http://example.org/a.dotm", True)


def test_what_unpacks_without_end_or_is_too_large_is_refused_before_it_is_read() -> None:
    bomb = changed(GOOD, **{"word/media/a.png": b"\0" * (21 * 1024 * 1024)})
    assert len(bomb) < MOST_BYTES
    assert "unpacks" in said(bomb)[0][1]
    assert "unpacks" in said(changed(GOOD, **{f"word/media/{n}": b"" for n in range(500)}))[0][1]
    assert "2 MB" in said(GOOD + b"\0" * MOST_BYTES)[0][1]


@pytest.mark.parametrize("part", [None, b"", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe\x00"])
def test_a_body_that_is_none_is_refused(part: bytes | None) -> None:
    assert problems_in(changed(GOOD, **{"word/document.xml": part}))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=12),
    st.integers(0, 400),
)
def test_a_broken_archive_never_breaks_the_reader(flips: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(GOOD)
    for place, value in flips:
        data[place] = value
    for sent in (bytes(data), bytes(data[: len(data) - cut])):
        if not problems_in(sent):
            assert preview(sent)[:2] == b"PK"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=2000))
def test_anything_at_all_is_answered(data: bytes) -> None:
    assert problems_in(data)
    assert problems_in(b"PK\x03\x04" + data)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="{}%# .|[]()'\"abcdefor in", max_size=60))
def test_any_words_in_brackets_are_taken_or_named(line: str) -> None:
    sent = paper(line)
    if not problems_in(sent):
        preview(sent)
