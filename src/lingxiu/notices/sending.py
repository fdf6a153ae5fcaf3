"""What is due leaves the program: claimed by one process, sent outside of any transaction, tried again with longer and longer waits.

A claim is a committed row, so that a process that dies leaves one that runs out (`LEASE`); the next try bears the same id, by which
the other side knows it again. Never decides who is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils.translation import override

from lingxiu.accounts.actions import gateway
from lingxiu.accounts.models import User
from lingxiu.connectors import robots, zhezhengding
from lingxiu.connectors.http import Failed, Refused, Unreachable
from lingxiu.connectors.sms import NoGateway
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.order_models import OrderItem
from lingxiu.notices import links, reaching, wording
from lingxiu.notices.actions import manner_of, zone
from lingxiu.notices.models import Delivery
from lingxiu.notices.telling import HOUR, MESSAGES, Way, free_from, most_now, send_at, try_again_at
from lingxiu.policy.queries import edition, in_force
from lingxiu.ui import addresses

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
WAIT_FOR_TODO = timedelta(minutes=1)
LAST_MINUTE = time(23, 59)
"""What is due on a day is due by then."""
MOST_AT_ONCE = 500
"""So many messages one run of the job sends at most; the next minute has its own."""

GIVE_UP_A_WAY = 5
"""After so many failures in one run a way is left alone: each may cost the other side's whole time-out."""

State = Delivery.State


@dataclass(frozen=True, slots=True)
class Claimed:
    """What goes as one message, and whose turn it is to send it."""

    message: UUID
    way: Way
    person: User
    rows: tuple[Delivery, ...]


def send_due(at: datetime, most: int = MOST_AT_ONCE) -> int:
    """Send what is due. A way by which nothing goes is left alone until the next run. Returns how many messages went."""
    sent, failed = 0, Counter[Way]()
    for _ in range(most):
        claimed = claim(at, but=[way for way, times in failed.items() if times >= GIVE_UP_A_WAY])
        if claimed is None:
            break
        if attempt(claimed, at):
            sent += 1
        else:
            failed[claimed.way] += 1
    return sent


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(at: datetime, but: Sequence[Way] = ()) -> Claimed | None:
    """Take the next message that may go now, by any way `but` these. What may not yet is put off.

    Returns: None if there is nothing for this process.
    """
    tried: set[tuple[int, str]] = set()
    while fresh := [pair for pair in _waiting(at, but) if pair not in tried]:
        for person_id, way in fresh:
            tried.add((person_id, way))
            with transaction.atomic():
                if _is_my_turn(person_id, way) and (found := _claim(person_id, Way(way), at)):
                    return found
    return None


def _ready(at: datetime) -> Q:
    return Q(state=State.WAITING, next_at__lte=at) | Q(state=State.SENDING, claimed_at__lte=at - LEASE)


def _waiting(at: datetime, but: Sequence[Way]) -> list[tuple[int, str]]:
    """Whom something waits for, by which way: the urgent first, then the oldest."""
    pairs = Delivery.objects.filter(_ready(at)).exclude(way__in=but).values("person_id", "way")
    ordered = pairs.annotate(first=Min("next_at", filter=Q(urgent=True)), then=Min("next_at")).order_by(
        "first", "then", "person", "way"
    )
    return list(ordered.values_list("person_id", "way")[:100])


def _is_my_turn(person_id: int, way: str) -> bool:
    """One process at a time writes to a person by a way, so that the hour's bound holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"notices {person_id} {way}"])
        row = cursor.fetchone()
    return bool(row and row[0])


def _claim(person_id: int, way: Way, at: datetime) -> Claimed | None:
    ready = Delivery.objects.filter(_ready(at), person=person_id, way=way)
    rows = list(
        ready.select_for_update(skip_locked=True, of=("self",))
        .select_related("notice", "person", "finishes")
        .order_by("-urgent", "next_at", "pk")
    )
    batch = _together(_needed(rows, at), way)
    if not batch:
        return None
    if (later := _not_before(batch, way, at)) > at:
        _rows(batch).update(next_at=later, state=State.WAITING)
        return None
    message = batch[0].message or uuid4()
    for row in batch:
        row.message, row.tries, row.state, row.claimed_at = message, row.tries + 1, State.SENDING, at
    Delivery.objects.bulk_update(batch, ["message", "tries", "state", "claimed_at"])
    return Claimed(message, way, batch[0].person, tuple(batch))


def _needed(rows: Sequence[Delivery], at: datetime) -> list[Delivery]:
    """Without what need not go any more, and what has to wait for its to-do to be made."""
    needless = [row for row in rows if _is_needless(row)]
    early = [row for row in rows if row.finishes and row.finishes.state in (State.WAITING, State.SENDING)]
    _rows(needless).update(state=State.NEEDLESS)
    _rows(early).update(next_at=at + WAIT_FOR_TODO, state=State.WAITING)
    return [row for row in rows if row not in needless and row not in early]


def _is_needless(row: Delivery) -> bool:
    """A message that was read in the meantime, or to somebody who is with us no more; the finishing of a to-do that never came to
    be."""
    if row.finishes is not None:
        return row.finishes.state in (State.FAILED, State.NEEDLESS)
    if not row.person.is_active:
        return True
    return row.way in MESSAGES and row.notice.read_at is not None and row.message is None


def _together(rows: Sequence[Delivery], way: Way) -> list[Delivery]:
    """Those that go as one message: what went as one before; of the new, the urgent or else all."""
    if not rows:
        return []
    again = next((row.message for row in rows if row.message), None)
    if again:
        return [row for row in rows if row.message == again]
    if way not in MESSAGES:
        return [rows[0]]
    return [row for row in rows if row.urgent] or list(rows)


def _not_before(batch: Sequence[Delivery], way: Way, at: datetime) -> datetime:
    """From when it may go: quiet hours, and so many an hour by one way."""
    if way is Way.TODO_DONE:
        return at
    catalogue = in_force().catalogues.notices
    urgent, person = batch[0].urgent, batch[0].person
    if urgent and any(_is_uncounted(row) for row in batch):
        return at
    manner = manner_of(person, catalogue)
    earliest = send_at(at, manner, zone(), urgent=urgent)
    if way not in MESSAGES:
        return earliest
    sent = Delivery.objects.filter(person=person, way=way, claimed_at__gt=at - HOUR).exclude(message=batch[0].message)
    times = [row["at"] for row in sent.exclude(message=None).values("message").annotate(at=Max("claimed_at"))]
    free = free_from(times, at, most_now(manner, catalogue, urgent=urgent))
    return max(earliest, send_at(free, manner, zone(), urgent=urgent)) if free else earliest


def _is_uncounted(row: Delivery) -> bool:
    """Whether no bound of the hour holds this back, by the rule it was told by."""
    try:
        return edition(row.notice.edition).catalogues.notices.rule(row.notice.rule).uncounted
    except KeyError:  # a to-do's finishing, or a rule that was another's
        return False


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


def attempt(claimed: Claimed, at: datetime) -> bool:
    """Send it, and write down how that went. Returns whether it went."""
    try:
        with override(settings.LANGUAGE_CODE):
            remote_id = _SEND[claimed.way](claimed, at)
    except (Failed, NoGateway) as error:
        return _put_off(claimed, at, str(error))
    except Exception as error:  # a fault of ours holds up this message, and no other
        log.exception("notices.fault", way=claimed.way, message=str(claimed.message))
        return _put_off(claimed, at, type(error).__name__)
    _mine(claimed).update(state=State.SENT, sent_at=at, error="", remote_id=remote_id)
    log.info("notices.sent", way=claimed.way, message=str(claimed.message), notices=len(claimed.rows))
    return True


def _put_off(claimed: Claimed, at: datetime, error: str) -> bool:
    minutes = in_force().catalogues.notices.retry_minutes
    again = try_again_at(at, claimed.rows[0].tries, minutes)
    log.warning("notices.not_sent", way=claimed.way, message=str(claimed.message), error=error, again=str(again))
    state = State.WAITING if again else State.FAILED
    _mine(claimed).update(state=state, next_at=again or at, error=error[:300])
    return False


def _mine(claimed: Claimed) -> QuerySet[Delivery]:
    """The rows, as long as nobody took the claim over since."""
    first = claimed.rows[0]
    return _rows(claimed.rows).filter(state=State.SENDING, claimed_at=first.claimed_at, tries=first.tries)


def _rows(rows: Sequence[Delivery]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk__in=[row.pk for row in rows])


def _lines(claimed: Claimed) -> list[wording.Line]:
    return wording.lines([row.notice for row in claimed.rows], officer=claimed.person.authority.is_officer)


def _link(claimed: Claimed, told: Sequence[wording.Line], at: datetime) -> str:
    """For this person alone: to the thing itself, or of several to the page of notices."""
    return links.make(claimed.person.pk, _where(told), at=at)


def _open_link(told: Sequence[wording.Line]) -> str:
    """The same, for anybody: who follows it is asked who they are."""
    return f"{settings.BASE_URL}{_where(told)}"


def _where(told: Sequence[wording.Line]) -> str:
    return told[0].url if len(told) == 1 else addresses.notices()


def _address(claimed: Claimed, way: str) -> str:
    """Raises Refused where there is none any more."""
    address = reaching.addresses_of(claimed.person).get(way)
    if not address:
        raise Refused(f"the person has no address for {way} any more")
    return address


def _client() -> zhezhengding.Client:
    client = reaching.zhezhengding()
    if client is None:
        raise Unreachable("Zhezhengding is not set up any more")
    return client


def _by_zhezhengding(claimed: Claimed, at: datetime) -> str:
    told = _lines(claimed)
    text = wording.message(told, _link(claimed, told, at))
    _client().notify(_address(claimed, Way.ZHEZHENGDING), str(claimed.message), text, at=at)
    return ""


def _by_sms(claimed: Claimed, at: datetime) -> str:
    told = _lines(claimed)
    # The same text and time at every try, so that the gateway knows it again: hence no link of one's own.
    text = wording.message(told, _open_link(told))
    gateway().send(_address(claimed, Way.SMS), text, at=claimed.rows[0].notice.at)
    return ""


def _by_email(claimed: Claimed, at: datetime) -> str:
    told = _lines(claimed)
    host = settings.MAIL_FROM.rpartition("@")[2] or "lingxiu"
    mail = EmailMessage(
        wording.subject(told),
        wording.message(told, _link(claimed, told, at)),
        settings.MAIL_FROM,
        [_address(claimed, Way.EMAIL)],
        headers={"Message-ID": f"<{claimed.message}@{host}>"},
    )
    try:
        mail.send()
    except OSError as error:  # smtplib's errors are OSErrors
        raise Unreachable(f"the mail server did not take it: {type(error).__name__}") from error
    return ""


def _by_robot(claimed: Claimed, at: datetime) -> str:
    """A whole group reads it: the link is everybody's, and asks who they are."""
    told = _lines(claimed)
    robots.say(_address(claimed, Way.ROBOT), wording.message(told, _open_link(told)))
    return ""


def _make_todo(claimed: Claimed, at: datetime) -> str:
    told = _lines(claimed)
    due, place = _owed(claimed.rows[0])
    todo = zhezhengding.Todo(
        str(claimed.message),
        _address(claimed, Way.ZHEZHENGDING),
        wording.subject(told),
        links.make(claimed.person.pk, f"{_where(told)}{place}", at=at),
        due,
    )
    return _client().create_todo(todo, at=at)


def _owed(row: Delivery) -> tuple[datetime | None, str]:
    """By when, and where in the page of the thing itself it stands: of an order, what is due first of the person's own unit; of
    an issue, the part or the look that is theirs, else its step."""
    notice = row.notice
    if notice.subject_kind != wording.AN_ORDER:
        issue = Issue.objects.filter(number=notice.subject_id).first() if notice.subject_kind == "issue" else None
        return (_due_of(issue, row.person) if issue else None), ""
    owing = OrderItem.objects.filter(order=int(notice.subject_id), state=OrderItem.State.OPEN).order_by("due_on", "pk")
    own = owing.filter(unit__in=row.person.authority.unit_ids).first()
    first = own or owing.first()
    due = datetime.combine(first.due_on, LAST_MINUTE, zone()) if first else None
    return due, f"#item-{own.pk}" if own else ""


def _due_of(issue: Issue, person: User) -> datetime:
    units = person.authority.unit_ids
    theirs = issue.assignments.filter(Q(person=person) | Q(person=None, unit__in=units), ended_at=None)
    beside = theirs.exclude(part=Assignment.Part.LEAD).order_by("due_at").first()
    return issue.step_due_at if beside is None or issue.lead_unit_id in units else beside.due_at


def _finish_todo(claimed: Claimed, at: datetime) -> str:
    made = claimed.rows[0].finishes
    assert made is not None  # a finishing names what it finishes
    _client().finish_todo(made.remote_id, _address(claimed, Way.ZHEZHENGDING), at=at)
    return ""


_SEND: dict[Way, Callable[[Claimed, datetime], str]] = {
    Way.ZHEZHENGDING: _by_zhezhengding,
    Way.SMS: _by_sms,
    Way.EMAIL: _by_email,
    Way.ROBOT: _by_robot,
    Way.TODO: _make_todo,
    Way.TODO_DONE: _finish_todo,
}
"""How each way sends. Returns the other side's id of it, where there is one to keep."""
