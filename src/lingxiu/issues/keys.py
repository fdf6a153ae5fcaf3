"""Which letter opens which move beside the list. Never makes a move: a letter leads to its form, or to its button."""

from __future__ import annotations

from lingxiu.issues.lifecycle import Move

KEYS: dict[Move, str] = {
    Move.CONFIRM: "y",
    Move.DISPATCH: "d",
    Move.ACCEPT: "a",
    Move.HANDLE: "v",
    Move.FEED_BACK: "f",
    Move.CLOSE: "c",
    Move.REWORK: "w",
    Move.TRANSFER: "t",
    Move.REASSIGN: "g",
    Move.ESCALATE: "e",
    Move.RETURN: "b",
    Move.NOTE: "m",
}
"""`j`, `k`, `n`, `x`, `/` and `?` are the list's own."""
