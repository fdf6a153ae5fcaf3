"""Words offered as a tap in the forms of moves: the catalogue's, about this very matter first, then the person's own last ones.

Never writes anything for anybody: what is tapped stands in the text area and is edited there.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.catalogues import Catalogues

ANSWERING = frozenset({Move.CLOSE, Move.ANSWER})
"""Where the words to tap are an answer that goes out."""
PHRASED = ANSWERING | {
    Move.HANDLE, Move.FEED_BACK, Move.REWORK, Move.RETURN, Move.ESCALATE, Move.TRANSFER, Move.NOTE, Move.DISMISS, Move.ASK,
}  # fmt: skip
MOST = 6
MOST_OWN = 3
LONGEST_OWN = 60  # characters: longer ones are about one case
LOOKED_BACK = timedelta(days=90)
ROWS_LOOKED_AT = 30
_LONG_NUMBER = re.compile(r"\d{4}")


def offers(moves: list[Move], issue: Issue, user: User, language: str, at: datetime) -> dict[Move, list[str]]:
    """What the forms of these moves offer to tap: at most `MOST` of the catalogue's and `MOST_OWN` of the person's. One query."""
    phrased = [what for what in moves if what in PHRASED]
    if not phrased:
        return {}
    catalogues = in_force().catalogues
    # what was said to one reporter is not offered for the next
    own = _own([what for what in phrased if what not in ANSWERING | {Move.ASK}], user, at)
    found = {what: canned(catalogues, what, issue.violation, language) for what in phrased}
    return {what: [*rows, *[words for words in own.get(what, ()) if words not in rows]] for what, rows in found.items()}


def canned(catalogues: Catalogues, what: str, violation: str, language: str) -> list[str]:
    """The catalogue's words for a move, those about this violation first."""
    rows = [row for row in catalogues.phrases if what in row.moves]
    about = [row for row in rows if violation in row.violations]
    for_any = [row for row in rows if not row.violations]
    return [row.text.text(language) for row in [*about, *for_any][:MOST]]


def _own(moves: list[Move], user: User, at: datetime) -> dict[Move, list[str]]:
    """What the person wrote last for each move, short and each once, newest first."""
    rows = MoveRow.objects.filter(actor=user, at__gt=at - LOOKED_BACK, move__in=moves).exclude(words="")
    last = rows.order_by("-at").values_list("move", "words")[: ROWS_LOOKED_AT * len(moves)]
    found: dict[Move, list[str]] = {what: [] for what in moves}
    for what, words in last:
        said, own = words.strip(), found[Move(what)]
        if said not in own and len(own) < MOST_OWN and _says_the_same_elsewhere(said):
            own.append(said)
    return found


def _says_the_same_elsewhere(words: str) -> bool:
    """Whether it may be said of another matter: short, names nobody, and carries no number of a phone, a case or a plate."""
    return len(words) <= LONGEST_OWN and "@" not in words and not _LONG_NUMBER.search(words)
