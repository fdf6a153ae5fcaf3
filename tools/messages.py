"""The two languages: msgids are English and stand in code and templates; each room keeps its Chinese in `locale/`.

python tools/messages.py extract [room …]    collect msgids into the rooms' catalogues, keeping what is translated
python tools/messages.py compile             make the .mo files Django reads
python tools/messages.py check               fail on what is missing, stale, doubtful, contradictory, or not marked
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HOUSE = Path(__file__).resolve().parents[1] / "src" / "lingxiu"
LOCALE = "zh_Hans"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
CHINESE = re.compile(r"[一-鿿]")
SHOWN_ATTRIBUTES = re.compile(
    r'(?<![\w:-])(?:placeholder|title|alt|aria-label|label|heading|hint|text|caption)="([^"]*)"'
)
DJANGO = re.compile(
    r"{%\s*block body_class\s*%}.*?{%\s*endblock.*?%}"
    r"|{%\s*blocktrans(?:late)?.*?{%\s*endblocktrans(?:late)?\s*%}"
    r"|{%\s*comment.*?{%\s*endcomment\s*%}|{#.*?#}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
NOT_TEXT = re.compile(r"<!--.*?-->|<(script|style|svg)\b.*?</\1>|<[^>]*>|&\w+;", re.DOTALL)


def rooms() -> list[Path]:
    """Every package of the house that has words of its own."""
    return sorted(path.parent for path in HOUSE.glob("*/__init__.py"))


def po_path(room: Path) -> Path:
    return room / "locale" / LOCALE / "LC_MESSAGES" / "django.po"


def extract(room: Path) -> Catalog:
    """The msgids a room uses now, untranslated, without line numbers: those change with every edit and say little."""
    from babel.messages.extract import extract_from_dir

    catalog = Catalog(locale=LOCALE, fuzzy=False)
    methods = [("**.py", "python"), ("**.html", "enmerkar.extract:extract_django")]
    for name, _, message, comments, context in extract_from_dir(str(room), methods, keywords=KEYWORDS, comment_tags=()):
        catalog.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def known(room: Path) -> Catalog:
    """The catalogue as it lies there; empty where there is none."""
    path = po_path(room)
    if not path.exists():
        return Catalog(locale=LOCALE, fuzzy=False)
    return read_po(BytesIO(path.read_bytes()), locale=LOCALE)


def update(room: Path) -> None:
    """Bring a room's catalogue in line with its code; translations of unchanged msgids stay, others are never guessed."""
    catalog, used = known(room), extract(room)
    if not len(used):
        return
    merged = Catalog(locale=LOCALE, fuzzy=False, project="Lingxiu", copyright_holder="the Lingxiu authors")
    for message in used:
        if not message.id:
            continue
        old = catalog.get(message.id, message.context)
        merged.add(message.id, old.string if old else None, message.locations, context=message.context)
    path = po_path(room)
    path.parent.mkdir(parents=True, exist_ok=True)
    out = BytesIO()
    write_po(out, merged, width=110, omit_header=False, sort_output=True, no_location=True, include_lineno=False)
    dated = re.compile(rb'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Generated-By).*\n', re.MULTILINE)
    path.write_bytes(dated.sub(b"", out.getvalue()))


def compile_all() -> None:
    """Write the .mo file of every catalogue."""
    for room in rooms():
        if po_path(room).exists():
            with po_path(room).with_suffix(".mo").open("wb") as file:
                write_mo(file, known(room))


def mistakes() -> Iterator[str]:
    """Everything that would show a reader the wrong language."""
    given: dict[object, tuple[str, object]] = {}
    for room in rooms():
        catalog, used = known(room), extract(room)
        for message in used:
            if not message.id:
                continue
            name = message.id if isinstance(message.id, str) else message.id[0]
            translated = catalog.get(message.id, message.context)
            if CHINESE.search(name):
                yield f"{room.name}: msgid in Chinese: {name!r}"
            if re.search(r"%(?![(s%d])", name):
                yield f"{room.name}: a bare % is never found again: pass it in a variable: {name!r}"
            if translated is None:
                yield f"{room.name}: not in the catalogue (make messages): {name!r}"
            elif not translated.string or (isinstance(translated.string, tuple) and not all(translated.string)):
                yield f"{room.name}: not translated: {name!r}"
            elif translated.fuzzy:
                yield f"{room.name}: doubtful (fuzzy): {name!r}"
            else:
                key = (message.context, message.id)
                first = given.setdefault(key, (room.name, translated.string))
                if first[1] != translated.string:
                    yield f"{room.name} and {first[0]} translate {name!r} differently"
        used_ids = {(m.context, m.id) for m in used}
        for message in catalog:
            if message.id and (message.context, message.id) not in used_ids:
                yield f"{room.name}: no longer used (make messages): {message.id!r}"
        yield from _bare_text(room)


def _bare_text(room: Path) -> Iterator[str]:
    """Text in templates that nobody marked for translation."""
    for path in sorted((room / "templates").rglob("*.html")):
        source = path.read_text(encoding="utf-8")
        if CHINESE.search(re.sub(r"{#.*?#}", "", source)):
            yield f"{room.name}: Chinese in template {path.name}"
        plain = DJANGO.sub(lambda found: "\n" * found.group().count("\n"), source)
        for shown in SHOWN_ATTRIBUTES.finditer(plain):
            if re.search(r"[A-Za-z]{2}", shown.group(1)):
                yield f"{room.name}: {path.name}: attribute not marked for translation: {shown.group()!r}"
        text = NOT_TEXT.sub(lambda found: "\n" * found.group().count("\n"), plain)
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"[A-Za-z]{2}", line):
                yield f"{room.name}: {path.name}:{number}: not marked for translation: {line.strip()[:60]!r}"


def main(verb: str, names: list[str]) -> int:
    """Exit code: 0 done, 1 mistakes found, 2 wrong words."""
    if verb == "extract":
        for room in rooms():
            if not names or room.name in names:
                update(room)
    elif verb == "compile":
        compile_all()
    elif verb == "check":
        found = list(mistakes())
        print("\n".join(found) or "Both languages are whole.")
        return 1 if found else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
