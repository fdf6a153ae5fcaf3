"""How the list's moves, refusals and states are said to people: words, icons and tones. Never what may be done."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import MoveRow
from lingxiu.issues.writing import SomebodyWasFaster

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Said:
    """A move in words: on its button, and in the timeline once it was made."""

    button: Text
    made: Text
    icon: str
    tone: str
    hint: Text = ""


MOVES: dict[Move, Said] = {
    Move.REPORT: Said(_("Report"), _("Came in"), "flag", "received"),
    Move.CONFIRM: Said(_("Confirm"), _("Confirmed"), "check", "received"),
    Move.DISPATCH: Said(_("Dispatch"), _("Dispatched"), "send", "dispatched"),
    Move.ACCEPT: Said(_("Accept"), _("Accepted"), "user-check", "handling"),
    Move.HANDLE: Said(_("Record a visit"), _("Visited"), "note", "handling"),
    Move.FEED_BACK: Said(_("Feed back"), _("Fed back"), "clipboard-check", "recheck"),
    Move.CLOSE: Said(_("Close the issue"), _("Closed"), "circle-check", "closed"),
    Move.REWORK: Said(_("Send back to be done again"), _("Sent back to be done again"), "refresh", "warning"),
    Move.JOIN: Said(_("Join to another issue"), _("Joined to another issue"), "link", "dismissed"),
    Move.TRANSFER: Said(_("Transfer"), _("Transferred"), "arrows-exchange", "dispatched"),
    Move.RETURN: Said(_("Return"), _("Returned"), "arrow-back-up", "received",
                      _("Not ours: back to whoever dispatches, with the reason.")),
    Move.ESCALATE: Said(_("Escalate"), _("Escalated"), "arrow-forward-up", "warning",
                        _("Up to the next level, which has more time and means.")),
    Move.DISMISS: Said(_("Dismiss"), _("Dismissed"), "x", "dismissed",
                       _("Nothing to do here: not true, not ours, or entered twice.")),
    Move.REOPEN: Said(_("Open again"), _("Opened again"), "history", "warning"),
    Move.SPLIT: Said(_("Split off a report"), _("Split"), "arrows-split", "received",
                     _("It is about something else: the report becomes an issue of its own.")),
    Move.INVOLVE: Said(_("Call in others"), _("Called in"), "users-group", "dispatched",
                       _("Each does a part of its own, with its own time; the lead feeds back when all are done.")),
    Move.CONTRIBUTE: Said(_("Our part is done"), _("Did its part"), "clipboard-check", "recheck"),
    Move.OBJECT: Said(_("Not our duty"), _("Objected"), "hand-stop", "warning",
                      _("Quote the clause of your duties. The county reads both sides and settles it.")),
    Move.REPLY: Said(_("Reply to the objection"), _("Replied to the objection"), "message-2", "neutral",
                     _("The county reads it beside the objection, then settles it.")),
    Move.SETTLE: Said(_("Settle the objection"), _("Settled"), "gavel", "neutral"),
    Move.HAND_BACK: Said(_("Send a part back"), _("Sent a part back"), "arrow-back-up", "warning",
                         _("What a unit did is not enough: its part opens again with a new clock. The county sees it.")),
    Move.SET_DUE: Said(_("Set the date of a part"), _("Set the date of a part"), "calendar-due", "neutral",
                       _("Their clock begins anew; with the whole issue at the latest.")),
    Move.RELEASE: Said(_("Release a unit"), _("Released"), "user-minus", "neutral"),
    Move.DECLINE: Said(_("Decline"), _("Declined"), "arrow-back-up", "warning",
                       _("Back to whoever transferred it. This can be done once.")),
    Move.REASSIGN: Said(_("Give to a colleague"), _("Given to a colleague"), "user-share", "handling"),
    Move.SUSPEND: Said(_("Let it rest"), _("Rests"), "player-pause", "neutral",
                       _("Until a date, for a reason. Whether the clocks stand still depends on the reason.")),
    Move.RESUME: Said(_("Go on"), _("Went on"), "player-play", "handling"),
    Move.EXTEND: Said(_("Ask for more time"), _("Asked for more time"), "clock-plus", "neutral"),
    Move.GRANT: Said(_("Give more time"), _("Given more time"), "clock-check", "handling"),
    Move.REFUSE: Said(_("Refuse more time"), _("Refused more time"), "clock-x", "warning"),
    Move.SUPERVISE: Said(_("Supervise"), _("Under supervision"), "eye", "warning",
                         _("Whoever has it must answer you by a date of its own.")),
    Move.REPORT_UP: Said(_("Answer the leader"), _("Answered the leader"), "message-up", "neutral"),
    Move.CORRECT: Said(_("Say what you have put right"), _("The shop says it has put it right"), "tool", "handling"),
    Move.ASK: Said(_("Ask the reporter"), _("Asked the reporter"), "message-question", "received",
                   _("They read it on the page of their report, as it stands.")),
    Move.ANSWER: Said(_("Answer a reporter"), _("Answered a reporter"), "message-up", "received",
                      _("One of them, while work goes on. The others are answered at the end.")),
    Move.AMEND: Said(_("Correct what it is about"), _("Corrected what it is about"), "edit", "neutral",
                     _("Another kind of find, or another shop. Who has it and by when stay as they are.")),
    Move.ADD: Said(_("Add to it"), _("The reporter added"), "message-plus", "received"),
    Move.FILE_CASE: Said(_("File a case"), _("Case filed"), "gavel", "closed",
                         _("It goes on as a case of enforcement, and ends here as found true.")),
    Move.NOTE: Said(_("Add a note"), _("Noted"), "message-2", "neutral"),
}  # fmt: skip

SEVERITIES: dict[int, Text] = {1: _("slight"), 2: _("middling"), 3: _("serious")}

PUT_RIGHT = Said(_("Been there, put right"), "", "circle-check", "recheck",
                 _("Accepts it, records the visit and feeds back, all at once."))  # fmt: skip
INSPECTED = Said(_("Record an inspection"), _("Inspected"), "gavel", "handling")
MEANWHILE = Said("", _("Told a reporter meanwhile"), "message-up", "received")
ELSEWHERE = Said("", _("Its number in another system"), "link", "neutral")
CASE_RESULT = Said("", _("Result of the case"), "gavel", "closed")
NOT_ELSEWHERE = Said("", _("Its number in another system was taken away"), "link", "neutral")
ALARM_JOINED = _("The device raised it again")
REPORT_JOINED = _("Another report was joined")
AGAIN = Said("", _("The order was brought once more, and changed"), "refresh", "warning")
SYSTEM = _("the system")

REFUSALS: dict[str, Text] = {
    "state": _("This issue has moved on: that step is not possible any more. Look at what happened and go on from there."),
    "person": _("This step is not yours: it belongs to whoever was given the issue, or to their dispatcher."),
    "words": _("Write a few words: the next one who reads it must understand why."),
    "unit": _("Choose whom it goes to, other than who has it now."),
    "result": _("Choose what came of it."),
    "to_send": _("Choose somebody of its grid or town team who did not handle it, is there, and was not sent already."),
    "evidence": _("A picture is missing: show how it looks now, and, where it was true, how it looked before."),
    "form": _("Answer the questions this kind of find asks: without them it cannot be fed back as true."),
    "reading": _("A measured value is missing: choose an hour of the shop's monitor, or write what was measured on site."),
    "answer": _("People reported this: write the answer each of them gets."),
    "issue": _("Choose an open issue it can be joined to. If a new one has taken its place, work on that one."),
    "level": _("There is no level above or below to pass it to."),
    "place": _("It lies in no town yet: say which shop it is, then it can go down to the town."),
    "person_of_unit": _("Choose a colleague of the unit that has it, other than who has it now."),
    "departments": _("Choose at least one unit that has no part in it yet, or, to release it, one that has."),
    "report": _("Choose one of the reports."),
    "until": _("Choose the reason, and a day after today."),
    "part_due": _("Choose the day by which the part is to be done: today or later."),
    "whole": _("No part can be due after the whole issue: choose an earlier day, or have the issue given more time first."),
    "reply": _("The lead was asked for a reply and has time for it yet. Settle it with both texts, or when that is over."),
    "days": _("Say how many working days more are needed."),
    "case": _("Write the number of the case: it is found by it later."),
    "suspended": _("It rests. Let it go on first."),
    "extension_asked": _("More time was asked for already: the dispatcher will say yes or no."),
    "extended": _("It was given more time as often as the rules let it."),
    "supervised": _("A leader has asked about it already, and is not answered yet."),
    "parts_open": _("Others still have a part to do. Wait for them, or ask the county to release them."),
    "objected": _("A unit objects. The county settles that first."),
    "matter": _("Choose another kind of find or another shop than it has now."),
    "of_device": _("A device raised it: correct in the device's settings at which shop it stands."),
    "nothing": _("There is nothing of that kind to do here."),
    "long": _("That is longer than the rules let it."),
    "time": _("The time for that is over. Report it anew."),
    "certificate": _("Inspections and orders are for certified officers; grid members visit and remind."),
    "second": _("Two certified officers of one body inspect: name the other one, who does not answer for the shop."),
    "items": _("Say what was checked."),
    "inspection_words": _("Write the record: what was seen, asked, said and shown."),
    "times": _("Say from when to when. An inspection is written down on the day, or a few days later, never before it ended."),
    "number": _("A complaint, an order and a campaign need their number."),
    "unknown_number": _("No complaint, open order or approved campaign about this shop has this number. Have it entered first."),
    "cap": _(
        "This shop has been inspected as often as is published for this year. More only for a complaint or an order, with its "
        "number. A visit that reminds and helps is no inspection."
    ),
    "checked": _(
        "Another body has checked this already, which is respected: leave out what is marked, unless there is a complaint or "
        "an order."
    ),
    "shop": _("Say first which shop it is."),
    "inspection": _("An order to correct rests on an inspection by two certified officers: record that first."),
    "unsigned": _("The record of the inspection is a draft: both officers named on it sign it first, each himself."),
}  # fmt: skip

FOUND_WHEN: dict[str, Text] = {
    "future": _("This lies in the future. Write when you saw it."),
    "old": _("That is more than %(days)s days ago. What is older is no find of today: look there again."),
}
"""Why a find was not then. `days`: by policy."""

OWN_WHY = {(Move.CLOSE, "person"): _("Who handled it may not close it: a second person checks."),
           (Move.REWORK, "person"): _("Who handled it may not check it: a second person does.")}  # fmt: skip


LOOKS = {
    "shop": Said("", _("The shop was asked for a picture"), "camera", "recheck"),
    "person": Said("", _("Somebody was sent to look"), "eye", "recheck"),
}
LOOKED = Said("", _("Looked for the re-check"), "eye", "recheck")
ON_DUTY = Said("", _("Went to who is on duty"), "phone", "dispatched")
OFF_DUTY = Said("", _("Work begins: back where it belongs"), "user-share", "handling")


def refusal(error: MoveRefused) -> Text:
    """Why a move was refused and what to do, in the reader's language."""
    return OWN_WHY.get((error.move, error.why), REFUSALS[error.why])


def faster(error: SomebodyWasFaster) -> Text:
    """Who moved the issue on in the meantime, and how."""
    if error.last is None or error.last.actor is None:
        return _("This issue moved on while you were looking. What you wrote is still here: look again, then go on.")
    return _("%(name)s was faster: «%(move)s». What you wrote is still here: look again, then go on.") % {
        "name": error.last.actor.name,
        "move": made(error.last).made,
    }


def made(row: MoveRow) -> Said:
    """A move that was made, in words."""
    if row.move == Move.HANDLE and row.data.get("act") == "inspection":
        return INSPECTED
    if row.move == Move.NOTE and ("look" in row.data or "looked" in row.data):
        return LOOKS.get(row.data.get("look", ""), LOOKED)
    if row.move in (Move.DISPATCH, Move.REASSIGN) and row.actor_id is None and "duty" in row.data:
        return ON_DUTY if row.data["duty"] else OFF_DUTY
    if row.move == Move.ANSWER and row.data.get("interim"):
        return MEANWHILE
    if row.move == Move.NOTE and "alarm" in row.data:
        return Said("", ALARM_JOINED, "bell-ringing", "alarm")
    if row.move == Move.NOTE and "other_number" in row.data:
        return ELSEWHERE if row.data["other_number"] else NOT_ELSEWHERE
    if row.move == Move.NOTE and "case_result" in row.data:
        return CASE_RESULT
    if row.move == Move.NOTE and "again" in row.data:
        return AGAIN
    if row.move == Move.NOTE and "joined" in row.data:
        return Said("", REPORT_JOINED, "link", "received")
    return MOVES[Move(row.move)]


STEPS: list[tuple[Text, frozenset[State]]] = [
    (_("New"), frozenset({State.PREDICTED, State.RECEIVED})),
    (_("Sent"), frozenset({State.DISPATCHED})),
    (_("Work"), frozenset({State.HANDLING})),
    (_("Check"), frozenset({State.RECHECK})),
    (_("Done"), frozenset({State.CLOSED})),
]
"""One short word each: five of them stand side by side on a phone."""


def steps(state: State) -> list[dict[str, object]]:
    """Where in its life an issue stands, for `c-steps`. A dismissed one has left the way."""
    if state is State.DISMISSED:
        return [{"label": _("New"), "state": "done"}, {"label": _("Dismissed"), "state": "now"}]
    at = next(number for number, (_label, states) in enumerate(STEPS) if state in states)
    last = len(STEPS) - 1
    return [
        {"label": label, "state": "done" if n < at or at == last else "now" if n == at else "todo"}
        for n, (label, _states) in enumerate(STEPS)
    ]
