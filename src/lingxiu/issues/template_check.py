"""What makes a Word template one that can be used: read as if a stranger sent it, and every mistake named with its mend.

The archive is looked at before anything opens it (size, entries, macros, what it fetches from elsewhere); then the fields it
names; then it is filled once with made-up data. A template names fields, lists and conditions, and can ask for nothing else.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

from django.utils.translation import gettext as _
from docxtpl import DocxTemplate
from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from lingxiu.issues.word_templates import TemplateRefused, fill

MOST_BYTES = 2 * 1024 * 1024
MOST_UNPACKED_BYTES = 20 * 1024 * 1024
MOST_TEXT_BYTES = 2 * 1024 * 1024
"""Of one part that is no picture: the longest notice has a hundredth of it."""
MOST_ENTRIES = 400
MOST_PROBLEMS = 20
DEEPEST = 2
"""Lists within lists: of three, each of twenty lines, a template could make thousands of pages."""

BODY = "word/document.xml"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
TEXT_PARTS = re.compile(r"(word/(document|header\d*|footer\d*|footnotes|endnotes)|docProps/(core|app|custom))\.xml")
PICTURES = re.compile(r"word/(media|fonts)/")
ACTIVE = re.compile(r"vba|macro|activex|embeddings/|oleobject|altchunk|\.bin$|\.exe$|\.js$", re.IGNORECASE)
HYPERLINK = "/hyperlink"

FIELDS: dict[str, Any] = {
    "number": "2026030500001", "unit": "示例执法队", "merchant": "示例餐馆", "licence_no": "92330421MA00000000",
    "address": "示例路 1 号", "act_on": "2026年3月5日", "finding": "油烟未经净化直接排放", "summary": "净化器未开启",
    "bases": ["《示例条例》第一条", "《示例办法》第二条"], "demands": ["清洗净化器", "三日内提交清洗记录"],
    "until": "2026年3月9日", "today": "2026年3月5日", "act_code": "示例-0001", "power_code": "330200000000",
    "power_name": "示例权力事项",
    "officers": [
        {"name": "张某", "certificate": "ZJ0001", "signed": "2026-03-05 14:20"},
        {"name": "李某", "certificate": "ZJ0002", "signed": "2026-03-05 14:35"},
    ],
}  # fmt: skip
"""Every field there is, with made-up data: what a preview shows."""
PARTS = ("name", "certificate", "signed")
OBLIGATORY = ("unit", "merchant", "finding", "bases", "demands", "until", "today", "officers", "act_code")
"""Without these it is no notice: who, to whom, what, by which law, what to do by when, of which day, resting on which act."""
LISTS = frozenset({"bases", "demands", "officers"})

EXAMPLE = ("{%p for one in demands %}", "{{ one }}", "{%p endfor %}")
BRACKETS = {"field": "{{ field }}", "begin": "{%p for one in demands %}", "end": "{%p endfor %}"}
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.For,
    nodes.If, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.Filter,
)  # fmt: skip
_FILTERS = frozenset({"length", "first", "last", "join", "upper", "lower", "trim", "default"})
_ENV = SandboxedEnvironment()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what mends it. `field`: as it is written there; empty where it is the file itself."""

    field: str
    words: str
    mend: str


def problems_in(data: bytes) -> list[Problem]:
    """What is wrong with a template somebody sent; nothing, if it can be used. Never raises, whatever was sent."""
    try:
        if found := _of_archive(data):
            return found
        found = _of_fields(data)
        return found[:MOST_PROBLEMS] or _of_filling(data)
    except Exception:  # a file made to break its reader breaks this one in ways nobody listed
        return [_unreadable()]


def preview(data: bytes) -> bytes:
    """Filled with made-up data, and says that it is. Raises: TemplateRefused."""
    return fill(data, FIELDS, draft=_("Sample with made-up data, no notice"))


# ── the archive ──────────────────────────────────────────────────────────────────────────────────────────────────


def _unreadable() -> Problem:
    return Problem(
        "", _("This is no Word file that can be read."), _("Save it in Word as a document (.docx) and send that.")
    )


def _of_archive(data: bytes) -> list[Problem]:
    if len(data) > MOST_BYTES:
        return [Problem("", _("The file is larger than 2 MB."), _("Take pictures out of it, or make them smaller."))]
    if not zipfile.is_zipfile(BytesIO(data)):
        return [_unreadable()]
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = archive.infolist()
        if _is_bomb(entries):
            return [
                Problem(
                    "", _("The file unpacks to more than a notice can hold."), _("Save it anew in Word and send that.")
                )
            ]
        names = [entry.filename for entry in entries]
        if any(entry.flag_bits & 1 for entry in entries) or len(set(names)) != len(names) or BODY not in names:
            return [_unreadable()]
        parts = {name: _read(archive, name) for name in names if not PICTURES.match(name)}
    return _of_parts(names, parts)


def _is_bomb(entries: list[zipfile.ZipInfo]) -> bool:
    texts = [entry.file_size for entry in entries if not PICTURES.match(entry.filename)]
    return (
        len(entries) > MOST_ENTRIES
        or sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES
        or max(texts, default=0) > MOST_TEXT_BYTES
    )


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """No more of it than it said it was: an archive may lie about that."""
    with archive.open(name) as part:
        data = part.read(archive.getinfo(name).file_size + 1)
    if len(data) != archive.getinfo(name).file_size:
        raise zipfile.BadZipFile(name)
    return data


def _of_parts(names: list[str], parts: Mapping[str, bytes]) -> list[Problem]:
    types = parts.get("[Content_Types].xml", b"")
    if any(ACTIVE.search(name) for name in names) or b"macroEnabled" in types:
        words = _("It holds macros or embedded objects, which are not taken.")
        return [
            Problem("", words, _("Save it in Word as a plain document (.docx), without macros or embedded objects."))
        ]
    if any(_declares(name, data) for name, data in parts.items()) or MAIN.encode() not in types:
        return [_unreadable()]
    return [
        Problem(
            target[:100],
            _("It fetches something from elsewhere when it is opened."),
            _("Put it into the document itself."),
        )
        for name, data in parts.items()
        if name.endswith(".rels")
        for target in _fetched(data)
    ][:MOST_PROBLEMS]


def _declares(name: str, data: bytes) -> bool:
    """A document type, which could unfold without end; or a coding in which it could hide."""
    return b"<!DOCTYPE" in data or b"<!ENTITY" in data or (name.endswith((".xml", ".rels")) and b"\0" in data)


def _fetched(relations: bytes) -> Iterator[str]:
    """What lies elsewhere and is no link somebody must press."""
    for one in ElementTree.fromstring(relations):  # noqa: S314 - no part with a document type gets here
        if one.get("TargetMode") == "External" and not str(one.get("Type", "")).endswith(HYPERLINK):
            yield str(one.get("Target", ""))


# ── the fields ───────────────────────────────────────────────────────────────────────────────────────────────────


def _of_fields(data: bytes) -> list[Problem]:
    found: list[Problem] = []
    named: set[str] = set()
    for text in _texts(data):
        try:
            tree = _ENV.parse(text)
        except TemplateSyntaxError as error:
            mend = _("Look at the brackets: %(field)s, and for a list %(begin)s … %(end)s.") % BRACKETS
            found.append(
                Problem(_near(error, text), _("This cannot be read: %(why)s") % {"why": error.message or ""}, mend)
            )
            continue
        found += _of_tree(tree)
        named |= {one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"}
    if found:
        return list(dict.fromkeys(found))
    return [
        Problem(
            f"{{{{ {field} }}}}",
            _("It is missing; no notice goes without it."),
            _("Put it where it belongs in the text."),
        )
        for field in OBLIGATORY
        if field not in named
    ]


def _texts(data: bytes) -> Iterator[str]:
    """What is filled in: the body, heads, feet, notes, and the document's own properties."""
    template = DocxTemplate(BytesIO(data))
    template.init_docx()
    yield template.patch_xml(template.get_xml())
    for uri in (template.HEADER_URI, template.FOOTER_URI):
        for _key, part in template.get_headers_footers(uri):
            yield template.patch_xml(template.get_part_xml(part))
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for name in archive.namelist():
            if TEXT_PARTS.fullmatch(name) and ("notes" in name or name.startswith("docProps/")):
                yield template.patch_xml(archive.read(name).decode("utf-8"))


def _near(error: TemplateSyntaxError, text: str) -> str:
    """The brackets of the line it stands in, without the paper's own marks."""
    lines = text.splitlines() or [""]
    line = lines[min(error.lineno, len(lines)) - 1]
    brackets = re.search(r"\{[{%].{0,200}", re.sub(r"<[^>]*>", "", line))
    return brackets[0][:60] if brackets else ""


def _of_tree(tree: nodes.Template) -> Iterator[Problem]:
    loops = {one.target.name for one in tree.find_all(nodes.For) if isinstance(one.target, nodes.Name)}
    if _depth(tree) > DEEPEST:
        yield Problem("{% for %}", _("Lists stand within lists within lists."), _("Two layers are enough."))
    for one in _walk(tree):
        if not isinstance(one, _ALLOWED) or (isinstance(one, nodes.Filter) and one.name not in _FILTERS):
            words = _("A template names fields, lists and conditions; it calculates and calls nothing.")
            yield Problem(type(one).__name__.lower(), words, _("Take it out."))
        if isinstance(one, nodes.For) and not _is_list(one.iter):
            yield Problem(
                "{% for %}",
                _("Only a field that is a list is gone through."),
                _("Write bases, demands or officers there."),
            )
        if isinstance(one, nodes.Name) and one.ctx == "load" and one.name not in {*FIELDS, *loops, "loop"}:
            yield Problem(f"{{{{ {one.name} }}}}", _("There is no such field."), _mend(one.name, FIELDS))
        if isinstance(one, nodes.Getattr) and not _is_known_part(one):
            yield Problem(f".{one.attr}", _("There is no such part of a field."), _mend(one.attr, PARTS))


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for one in tree.iter_child_nodes():
        yield from _walk(one)


def _depth(one: nodes.Node) -> int:
    below = max((_depth(child) for child in one.iter_child_nodes()), default=0)
    return below + isinstance(one, nodes.For)


def _is_list(one: nodes.Node) -> bool:
    return isinstance(one, nodes.Name) and one.name in LISTS


def _is_known_part(one: nodes.Getattr) -> bool:
    of_loop = isinstance(one.node, nodes.Name) and one.node.name == "loop"
    return one.attr in (("index", "first", "last") if of_loop else PARTS)


def _mend(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    if near:
        return _("Write %(field)s.") % {"field": near[0]}
    return _("The fields there are: %(fields)s.") % {"fields": ", ".join(known)}


def _of_filling(data: bytes) -> list[Problem]:
    """The proof: it is filled once."""
    try:
        preview(data)
    except TemplateRefused as error:
        return [
            Problem(
                "",
                _("It cannot be filled in: %(why)s") % {"why": str(error)[:150]},
                _("Look at the fields named there."),
            )
        ]
    return []
