"""Issues by words: numbers, merchants' names, and what is said of them. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField

from lingxiu.china.pinyin import fold
from lingxiu.issues import elsewhere
from lingxiu.merchants.models import Merchant

MERCHANTS_SEARCHED = 500
SHORTEST_NUMBER = 4
SHORTEST_PAIR = 2


@dataclass(frozen=True, slots=True)
class Words:
    """The same rows twice: as indexes find them, and as they are read one by one."""

    found: Q
    read: Q


def searched(asked: str) -> Words:
    """By the beginning of its number, by its whole number in another system, by the name (or its pinyin, or their initials)
    of its merchant, by words of it.

    Words are found by pairs of neighbouring characters over an index, then by the words themselves.
    """
    shops = Merchant.objects.filter(search__contains=fold(asked)) if fold(asked) else Merchant.objects.none()
    ids = list(shops.order_by("id").values_list("id", flat=True)[:MERCHANTS_SEARCHED])
    named = Q(merchant_id__in=ids)
    if asked.isdigit() and asked.isascii():
        named |= Q(number__startswith=asked)
    if len(asked) >= SHORTEST_NUMBER:
        named |= Q(other_number=elsewhere.plain(asked))
    whole = named | Q(_holds(asked))
    if len(asked) < SHORTEST_PAIR:
        return Words(whole, whole)
    pairs = RawSQL(
        "issues_bigrams(issues_issue.summary || ' ' || issues_issue.place) @> issues_bigrams(%s)",
        [asked],
        output_field=BooleanField(),
    )
    if len(asked) == SHORTEST_PAIR:  # a pair is the whole of it
        return Words(named | Q(pairs), whole)
    # Two conditions, of which indexes answer the first alone: in one, the pairs of every row they find were put together anew.
    return Words((named | Q(pairs)) & whole, whole)


def _holds(asked: str) -> RawSQL:
    """Whether the text of an issue holds these words. Letters count alike whatever their case; most words have none."""
    text = "issues_issue.summary || ' ' || issues_issue.place"
    if asked.lower() == asked.upper():
        return RawSQL(f"strpos({text}, %s) > 0", [asked], output_field=BooleanField())  # noqa: S611 (our own text)
    return RawSQL(f"strpos(lower({text}), lower(%s)) > 0", [asked], output_field=BooleanField())  # noqa: S611
