"""Those who reported something are told by a text message that there is a question or an answer on the page of their report.

Only who left a number with us is written to: the 12345 centre and other systems write to their own callers. The text carries
the address and never anybody's words. Never decides what is asked or answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from lingxiu.accounts.actions import gateway
from lingxiu.accounts.models import User
from lingxiu.connectors.http import Failed
from lingxiu.connectors.sms import NoGateway
from lingxiu.issues.models import MoveRow, Report
from lingxiu.issues.reporters import WRITTEN_TO, texts_are_sent
from lingxiu.journal.actions import record
from lingxiu.journal.models import Entry
from lingxiu.notices.actions import zone
from lingxiu.notices.models import ReporterText
from lingxiu.notices.telling import Manner, send_at, try_again_at
from lingxiu.policy.queries import in_force
from lingxiu.ui import addresses

log = structlog.get_logger(__name__)

About, State = ReporterText.About, ReporterText.State
OF_REPORTS: dict[str, ReporterText.About] = {
    "report.answered": About.ANSWERED,
    "report.told": About.ANSWERED,
    "report.address_asked": About.ADDRESS,
}
"""Entries about one report, and what they are told of."""
ASKED = "issue.asked"
LEASE = timedelta(minutes=5)
MOST_AT_ONCE = 200


def write_to(entries: Sequence[Entry], *, at: datetime) -> int:
    """What these entries give reporters to know, to be sent; in the transaction that moves the reader's cursor. May run twice.

    Returns: how many texts were written.
    """
    if not texts_are_sent():
        return 0  # nobody was promised one
    stale = timedelta(hours=in_force().catalogues.notices.stale_hours)
    fresh = [entry for entry in entries if entry.at > at - stale]
    return sum(_write(pk, entry, about, at) for entry in fresh for pk, about in _of(entry))


def _of(entry: Entry) -> Iterable[tuple[int, ReporterText.About]]:
    if about := OF_REPORTS.get(entry.kind):
        return [(int(entry.subject_id), about)]
    if entry.kind != ASKED:
        return []
    row = MoveRow.objects.filter(issue__number=entry.subject_id, version=entry.reference.get("version")).first()
    return [(pk, About.ASKED) for pk in row.data.get("reports", ())] if row else []


def _write(report_id: int, entry: Entry, about: ReporterText.About, at: datetime) -> bool:
    report = Report.objects.filter(pk=report_id, source__in=WRITTEN_TO).exclude(phone_index="").first()
    if report is None:
        return False
    notices = in_force().catalogues.notices
    manner = Manner(notices.quiet_from, notices.quiet_until, notices.digest_at, notices.most_an_hour)
    goes_at = send_at(at, manner, zone(), urgent=about == About.ADDRESS)
    _text, new = ReporterText.objects.get_or_create(
        report=report, entry_id=entry.pk, defaults={"about": about, "at": entry.at, "next_at": goes_at}
    )
    return new


def send_due(at: datetime, most: int = MOST_AT_ONCE) -> int:
    """Send what is due, each claimed by one process and sent outside of any transaction. Returns how many went."""
    sent = 0
    for _turn in range(most):
        text = _claim(at)
        if text is None:
            break
        sent += _send(text, at)
    return sent


def _claim(at: datetime) -> ReporterText | None:
    ready = Q(state=State.WAITING, next_at__lte=at) | Q(state=State.SENDING, claimed_at__lte=at - LEASE)
    with transaction.atomic():
        waiting = ReporterText.objects.filter(ready).select_for_update(skip_locked=True, of=("self",))
        text = waiting.select_related("report__issue").order_by("next_at", "pk").first()
        if text is None:
            return None
        text.state, text.claimed_at, text.tries = State.SENDING, at, text.tries + 1
        text.save(update_fields=["state", "claimed_at", "tries"])
        return text


def _send(text: ReporterText, at: datetime) -> bool:
    if text.about == About.ASKED and not text.report.asked:
        _mine(text).update(state=State.NEEDLESS)  # they have said more meanwhile
        return False
    try:
        with override(settings.LANGUAGE_CODE):
            words = said(text)
        gateway().send(text.report.reporter_phone, words, at=text.at)
    except (Failed, NoGateway) as error:
        return _put_off(text, at, str(error))
    except Exception as error:  # a fault of ours holds up this text, and no other
        log.exception("notices.reporter_fault", text=text.pk)
        return _put_off(text, at, type(error).__name__)
    _mine(text).update(state=State.SENT, sent_at=at, error="")
    log.info("notices.reporter_told", text=text.pk, about=text.about)
    return True


def _put_off(text: ReporterText, at: datetime, error: str) -> bool:
    again = try_again_at(at, text.tries, in_force().catalogues.notices.retry_minutes)
    log.warning("notices.reporter_not_told", text=text.pk, error=error, again=str(again))
    state = State.WAITING if again else State.FAILED
    _mine(text).update(state=state, next_at=again or at, error=error[:300])
    return False


def _mine(text: ReporterText) -> QuerySet[ReporterText]:
    """The row, as long as nobody took the claim over since."""
    return ReporterText.objects.filter(pk=text.pk, state=State.SENDING, tries=text.tries)


def send_again(text_id: int, *, by: User, at: datetime) -> bool:
    """Let a text that was given up be tried anew. Returns: whether there was such a one."""
    with transaction.atomic():
        failed = ReporterText.objects.filter(pk=text_id, state=State.FAILED)
        if not failed.update(state=State.WAITING, tries=0, next_at=at):
            return False
        record("notices.sent_again", "reporter_text", text_id, at=at, actor_id=by.pk)
    return True


def said(text: ReporterText) -> str:
    """The text in the language in force: the number, what there is, and where."""
    return worded(text.about, text.report.issue.number, f"{settings.BASE_URL}{addresses.report(text.report.token)}")


def worded(about: str, number: str, url: str) -> str:
    """The words of a text about this, in the language in force."""
    where = {"number": number, "url": url}
    match about:
        case About.ASKED:
            return _("About your report %(number)s we have a question. Please look here: %(url)s") % where
        case About.ANSWERED:
            return _("There is an answer to your report %(number)s. Please look here: %(url)s") % where
    return _("Your report %(number)s is found here: %(url)s") % where


def as_sent(about: str, number: str) -> str:
    """What will go out, in the language it goes out in; whoever sends it does not learn the report's address."""
    with override(settings.LANGUAGE_CODE):
        return worded(about, number, f"{settings.BASE_URL}/r/…")
