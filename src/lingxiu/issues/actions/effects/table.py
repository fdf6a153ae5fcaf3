"""Which effect each move has."""

from __future__ import annotations

from lingxiu.issues.actions.effects import amending, clocks, ending, joining, leading, parts, saying
from lingxiu.issues.actions.effects.shape import Effect
from lingxiu.issues.lifecycle import Move

EFFECTS: dict[Move, Effect] = {
    Move.CONFIRM: leading.to_dispatcher,
    Move.DISPATCH: leading.to_unit,
    Move.ACCEPT: leading.take,
    Move.HANDLE: leading.visit,
    Move.TRANSFER: leading.to_unit,
    Move.ESCALATE: leading.to_other_level(Move.ESCALATE),
    Move.RETURN: leading.to_other_level(Move.RETURN),
    Move.FEED_BACK: leading.feed_back,
    Move.REWORK: leading.send_back,
    Move.CLOSE: ending.close,
    Move.DISMISS: ending.close,
    Move.REOPEN: joining.reopen,
    Move.JOIN: joining.join,
    Move.NOTE: saying.note,
    Move.DECLINE: leading.decline,
    Move.REASSIGN: leading.reassign,
    Move.SPLIT: joining.split,
    Move.INVOLVE: parts.involve,
    Move.CONTRIBUTE: parts.contribute,
    Move.OBJECT: parts.object_to,
    Move.REPLY: parts.reply,
    Move.SETTLE: parts.settle,
    Move.HAND_BACK: parts.hand_back,
    Move.SET_DUE: parts.set_due,
    Move.RELEASE: parts.release,
    Move.SUSPEND: clocks.suspend,
    Move.RESUME: clocks.resume,
    Move.EXTEND: clocks.ask_for_time,
    Move.GRANT: clocks.grant,
    Move.REFUSE: clocks.refuse_time,
    Move.SUPERVISE: clocks.supervise,
    Move.REPORT_UP: clocks.report_up,
    Move.CORRECT: saying.nothing,
    Move.ASK: saying.ask,
    Move.ANSWER: saying.answer_one,
    Move.AMEND: amending.amend,
    Move.FILE_CASE: ending.file_case,
}
"""What only a reporter does (ADD, and REOPEN for them) has verbs of its own: they have no account."""
