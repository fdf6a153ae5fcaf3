"""What of each move somebody outside is told, on the page of their report: words of ours, never an officer's or the shop's.

The page of the report shows them, and the officer's form before the move is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from lingxiu.issues.lifecycle import Move

Text = str | Promise

PLAIN: dict[Move, tuple[Text, str, str]] = {
    Move.DISPATCH: (gettext_lazy("Sent to those who go and look"), "send", "dispatched"),
    Move.ACCEPT: (gettext_lazy("Somebody has taken it on"), "user-check", "handling"),
    Move.HANDLE: (gettext_lazy("Somebody was there and looked"), "map-pin", "handling"),
    Move.FEED_BACK: (gettext_lazy("Dealt with; a second person checks it"), "clipboard-check", "recheck"),
    Move.REWORK: (gettext_lazy("Not good enough yet: it is done again"), "refresh", "handling"),
    Move.TRANSFER: (gettext_lazy("Passed on to whoever is responsible"), "arrows-exchange", "dispatched"),
    Move.RETURN: (gettext_lazy("Passed on to whoever is responsible"), "arrows-exchange", "dispatched"),
    Move.ESCALATE: (gettext_lazy("Passed up to those who can do more"), "arrow-forward-up", "dispatched"),
    Move.INVOLVE: (gettext_lazy("Other departments were called in"), "users-group", "handling"),
    Move.SUSPEND: (gettext_lazy("It has to wait a while"), "player-pause", "neutral"),
    Move.RESUME: (gettext_lazy("Work on it goes on"), "player-play", "handling"),
    Move.CLOSE: (gettext_lazy("Answered"), "circle-check", "closed"),
    Move.DISMISS: (gettext_lazy("Answered"), "circle-check", "closed"),
    Move.FILE_CASE: (gettext_lazy("Answered"), "circle-check", "closed"),
    Move.REOPEN: (gettext_lazy("Looked into once more"), "history", "received"),
}
"""What is told of a move whoever reported it. The moves that are missing are no business of people outside."""
OWN: dict[Move, tuple[Text, str, str]] = {
    Move.ASK: (gettext_lazy("We asked you something"), "message-question", "warning"),
    Move.ANSWER: (gettext_lazy("We answered you"), "message-up", "handling"),
    Move.ADD: (gettext_lazy("You added something"), "message-plus", "received"),
    Move.REOPEN: (gettext_lazy("You said it is not right yet"), "history", "warning"),
    Move.NOTE: (gettext_lazy("Put together with something we look into already"), "link", "received"),
    Move.SPLIT: (gettext_lazy("Looked into on its own"), "arrows-split", "received"),
}
"""What is told of a move to the reporter it names, and to no other."""
MEANWHILE: tuple[Text, str, str] = (gettext_lazy("What we can say so far"), "message-up", "handling")


def told(move: Move, data: Mapping[str, Any], report_id: int) -> tuple[Text, str, str] | None:
    """Words, icon and tone of a move that was made, as this report's reporter is told of it; None: it is no business of theirs."""
    own = OWN.get(Move.SPLIT if "split_from" in data else move) if report_id in data.get("reports", ()) else None
    if own and data.get("interim"):
        return MEANWHILE
    return own or PLAIN.get(move)


BY_THE_OTHER: dict[Move, Move] = {Move.JOIN: Move.NOTE}
"""What a reporter is told of by the move that is written with the other issue."""
TOLD_IN_FULL = frozenset({Move.ASK, Move.ANSWER})
"""What is typed with these is marked where it is typed, and is all there is."""


def announced(move: Move) -> Text:
    """What stands on the page of a report once this move is made, beside the words typed for it; empty: nothing."""
    if move in TOLD_IN_FULL:
        return ""
    if move in BY_THE_OTHER or move is Move.SPLIT:
        return OWN[BY_THE_OTHER.get(move, move)][0]
    return PLAIN[move][0] if move in PLAIN else ""
