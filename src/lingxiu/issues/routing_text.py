"""Rules of routing as text somebody wrote: read, or refused with line, rule and field of what is wrong. Routes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from lingxiu.config.environment import environment
from lingxiu.policy import texts
from lingxiu.policy.models import Draft
from lingxiu.policy.queries import InForce
from lingxiu.policy.reading import SHIPPED
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.routing import Routing
from lingxiu.policy.texts import Mistake, Text, TextRefused

CATALOGUE = "routing"


def read_rules(text: str, catalogues: Catalogues, towns: Mapping[str, str]) -> tuple[Routing, ...]:
    """The rules of this text. Raises: TextRefused, with every mistake there is."""
    read = texts.read(text)
    rules = texts.rows(read, Routing)
    mistakes = [*_doubles(read, rules), *_unknown(read, rules, catalogues, towns)]
    if not any(rule.takes_all for rule in rules):
        mistakes.append(Mistake(read.line([len(rules) - 1]), rules[-1].id, "no_rest"))
    if mistakes:
        raise TextRefused(mistakes)
    return rules


def _doubles(text: Text, rules: Sequence[Routing]) -> Iterator[Mistake]:
    """Ids that an earlier rule has."""
    seen: set[str] = set()
    for number, rule in enumerate(rules):
        if rule.id in seen:
            yield Mistake(text.line([number, "id"]), rule.id, "double", rule.id)
        seen.add(rule.id)


def _unknown(
    text: Text, rules: Sequence[Routing], catalogues: Catalogues, towns: Mapping[str, str]
) -> Iterator[Mistake]:
    """What a rule asks for and nothing has: it would never fit, unnoticed."""
    known = {
        "violation": {row.id for row in catalogues.violations},
        "merchant_kinds": {row.id for row in catalogues.kinds.merchants},
        "towns": set(towns),
    }
    for number, rule in enumerate(rules):
        for field, values in known.items():
            steps: list[int | str] = [number, "when", field]
            for value in getattr(rule.when, field):
                if value not in values:
                    yield Mistake(text.line(steps), text.where(steps), f"unknown_{field}", value)


def text_in_force(policy: InForce) -> str:
    """The rules in force as text: as they were proposed, else as the county's or the shipped file says them, else written anew."""
    rules = policy.catalogues.routing
    drafts = Draft.objects.filter(catalogue=CATALOGUE, edition__isnull=False).order_by("-edition_id")[:1]
    written = [draft.text for draft in drafts]
    for folder in filter(None, (environment().policy, SHIPPED)):
        path = folder / f"{CATALOGUE}.yaml"
        written += [path.read_text(encoding="utf-8")] if path.exists() else []
    return next((text for text in written if _says(text, rules)), _written_anew(rules))


def _says(text: str, rules: tuple[Routing, ...]) -> bool:
    try:
        return texts.rows(texts.read(text), Routing) == rules
    except TextRefused:
        return False


def _written_anew(rules: Sequence[Routing]) -> str:
    plain = [rule.model_dump(mode="json", exclude_defaults=True) for rule in rules]
    return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=120)
