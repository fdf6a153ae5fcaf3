"""One catalogue as text somebody wrote: read into rows, or refused with the line, the field and what is wrong with it. It never
decides whether the text may be in force: `actions` do, with the other catalogues beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from lingxiu.policy.reading import StrictLoader
from lingxiu.policy.rows import Rule

LONGEST_TEXT = 200_000
DEEPEST = 12
LONGEST_FOUND = 60

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a line (from 1; 0: with the whole). `where`: rule and field. `kind`: a code pages have words for.

    `found`: what stands there; `wanted`: what may.
    """

    line: int
    where: str
    kind: str
    found: str = ""
    wanted: str = ""


class TextRefused(Exception):
    """The text is no such catalogue."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{one.line} {one.where}: {one.kind}" for one in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Text:
    """A catalogue of rows as it was written, with where each value stands."""

    value: list[Any]
    node: yaml.Node

    def line(self, steps: Sequence[int | str] = ()) -> int:
        """The line of what lies so many steps in, or of the nearest that is there."""
        node = self.node
        for step in steps:
            inner = _inside(node, step)
            if inner is None:
                break
            node = inner
        return _line(node.start_mark)

    def where(self, steps: Sequence[int | str]) -> str:
        """`R-20-GAS, when.violation`."""
        if not steps:
            return ""
        row = self.value[int(steps[0])]
        name = str(row["id"]) if isinstance(row, dict) and "id" in row else f"#{int(steps[0]) + 1}"
        field = ".".join(str(step) for step in steps[1:] if isinstance(step, str))
        return f"{name}, {field}" if field else name


def read(text: str) -> Text:
    """The text as rows. Raises: TextRefused."""
    if len(text) > LONGEST_TEXT:
        raise TextRefused([Mistake(0, "", "large", str(len(text)), str(LONGEST_TEXT))])
    try:
        _refuse_what_grows(text)
        loader = StrictLoader(text)
        node = loader.get_single_node()
        value = loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day there is not
        raise TextRefused([_unreadable(error)]) from error
    if node is None or not isinstance(value, list) or not value:
        raise TextRefused([Mistake(1, "", "no_rows")])
    return Text(value, node)


def rows(text: Text, kind: type[R]) -> tuple[R, ...]:
    """The rows as rules of this kind. Raises: TextRefused."""
    try:
        return TypeAdapter(tuple[kind, ...]).validate_python(text.value)  # type: ignore[valid-type]  # a type in a variable
    except ValidationError as error:
        raise TextRefused([_mistake(text, line) for line in error.errors()]) from error


def _refuse_what_grows(text: str) -> None:
    """Nesting without an end and references that multiply are no catalogue: refused before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise TextRefused([Mistake(_line(event.start_mark), "", "alias", f"*{event.anchor}")])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise TextRefused([Mistake(_line(event.start_mark), "", "deep")])


def _unreadable(error: Exception) -> Mistake:
    said = getattr(error, "problem", None) or str(error)
    return Mistake(_line(getattr(error, "problem_mark", None)), "", "yaml", said[:LONGEST_FOUND])


def _line(mark: Any) -> int:
    """As editors count, from 1; 0 where it is not known. The marks of both of the library's loaders, which have no common type."""
    return mark.line + 1 if mark else 0


def _mistake(text: Text, error: Any) -> Mistake:
    steps = error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    wanted = context.get("expected") or context.get("ge") or context.get("le") or context.get("pattern") or ""
    if error["type"] == "literal_error":
        wanted = ", ".join(re.findall(r"'([^']*)'", str(wanted)))
    found = "" if error["type"] in ("missing", "extra_forbidden") else repr(error.get("input"))[:LONGEST_FOUND]
    return Mistake(text.line(steps), text.where(steps), error["type"], found, str(wanted))


def _inside(node: yaml.Node, step: int | str) -> yaml.Node | None:
    """The node one step further in, or None where the text has none."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]  # the library's own nodes are untyped
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
