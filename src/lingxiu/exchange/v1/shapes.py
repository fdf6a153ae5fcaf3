"""What goes in and out of the open API, as types; OpenAPI is made of them. Times ISO 8601 with offset, positions [lng, lat]."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, PlainSerializer, StringConstraints

from lingxiu.exchange.problems import wrong
from lingxiu.issues.cases import Outcome as CaseOutcome
from lingxiu.issues.inspection_rules import Outcome, Why
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.models import FlowChoice, LevelChoice, Source, StateChoice

MOST_ROWS = 100
ROWS = 50
CURSOR_LENGTH = 80
LAST_ID = 2**63 - 1


def _writable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text; other control characters but line breaks say nothing to anybody."""
    if any(ord(character) < 32 and character not in "\n\r\t" for character in text):
        raise ValueError("contains control characters")
    return text


Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_writable)]
ReportWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(_writable)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=160), AfterValidator(_writable)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,30}$")]
UserName = Annotated[str, StringConstraints(max_length=60), AfterValidator(_writable)]
Id = Annotated[int, Field(ge=1, le=LAST_ID)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")]
Photo = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A picture by the name `POST /photos` answered with."""
Photos = Annotated[list[Photo], Field(max_length=12)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Told = Annotated[str, StringConstraints(max_length=500), AfterValidator(_writable)]
Cursor = Annotated[str, StringConstraints(max_length=CURSOR_LENGTH, pattern=r"^[A-Za-z0-9_-]*$")]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")]
Degrees = Annotated[float, Field(allow_inf_nan=False)]
Position = tuple[Degrees, Degrees]
"""[longitude, latitude], WGS84; whether they lie where they can, `receiving.CHINA` says."""
Time = Annotated[
    datetime,
    PlainSerializer(
        lambda at: timezone.localtime(at).isoformat(timespec="seconds"), return_type=str, when_used="always"
    ),
    Field(json_schema_extra={"format": "date-time"}),
]
"""A time that goes out: in the county's zone, with its offset."""


class Given(Schema):
    """What comes in: a field that nobody knows is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def names(cls) -> list[str]:
        """Its fields, as they are written."""
        return [field.alias or name for name, field in cls.model_fields.items()]


Row = TypeVar("Row")


class Rows(Schema, Generic[Row]):
    """A page. `next`: the `cursor` of the next one; null on the last."""

    items: list[Row]
    next: str | None


class LabelOut(Schema):
    """A text in both languages."""

    zh: str
    en: str


class Refusal(Schema):
    """One field that is not right: what it said, and what mends it."""

    field: str
    value: Any
    mend: str


class ProblemOut(Schema):
    """RFC 9457, `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Refusal]


# ── merchants ──


class MerchantOut(Schema):
    """The public face of a merchant; from `town` on null unless the key has merchants.read. Never whose it is, or a phone."""

    id: int
    name: str
    kind: str
    status: str
    address: str
    licence_no: str
    location: Position
    fume_level: int | None
    stars: int | None
    town: str | None = None
    grid: str | None = None
    uscc: str | None = None
    scale: str | None = None
    reference_stoves: float | None = None
    in_built_up: bool | None = None
    open_issues: int | None = None
    open_alarms: int | None = None
    device_state: str | None = None
    last_visit_at: Time | None = None
    updated_at: Time | None = None


class PhotoOut(Schema):
    """A picture that was taken in. `photo`: the name a find or a move mentions it by."""

    photo: str
    width_px: int
    height_px: int


class DossierIn(Given):
    """What a dossier says. Fields left out stay as they are; of a new one they are empty. `legal_person` and `phone` go in and
    never come out. Times of day as 09:30; `scale` follows from the reference stoves where it is left out."""

    name: Annotated[str, StringConstraints(max_length=80), AfterValidator(_writable)] | None = None
    kind: Code | None = None
    status: Code | None = None
    licence_kind: Code | None = None
    licence_no: Annotated[str, StringConstraints(max_length=40), AfterValidator(_writable)] | None = None
    licence_until: Day | None = None
    uscc: Annotated[str, StringConstraints(max_length=30), AfterValidator(_writable)] | None = None
    legal_person: Annotated[str, StringConstraints(max_length=60), AfterValidator(_writable)] | None = None
    phone: Annotated[str, StringConstraints(max_length=30), AfterValidator(_writable)] | None = None
    address: Short | None = None
    location: Position | None = None
    in_built_up: bool | None = None
    scale: Code | None = None
    reference_stoves: Degrees | None = None
    seats: Annotated[int, Field(ge=0, le=20_000)] | None = None
    floor_area_m2: Degrees | None = None
    opened_on: Day | None = None
    opens_at: ClockTime | None = None
    closes_at: ClockTime | None = None


class MerchantIn(DossierIn):
    """A new dossier."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_writable)]
    kind: Code
    address: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160), AfterValidator(_writable)
    ]
    location: Position


class MerchantChange(DossierIn):
    """A change. `seen`: the `updated_at` that was read; if somebody saved it since, this is refused."""

    seen: AwareDatetime | None = None


class MerchantsAsked(Given):
    """`q`: part of the name, its pinyin, their initials, or of a licence or credit number."""

    q: Annotated[str, StringConstraints(max_length=60), AfterValidator(_writable)] = ""
    town: Code = ""
    kind: Code = ""
    cursor: Cursor = ""
    limit: Limit = ROWS


# ── issues ──


class ShopOut(Schema):
    """A merchant, named."""

    id: int
    name: str


class UnitOut(Schema):
    """A unit, named."""

    code: str
    name: str


class IssueOut(Schema):
    """An issue as its unit's list shows it. Of what people reported: never their words, nor the place they gave."""

    number: str
    version: int
    state: StateChoice
    flow: FlowChoice
    level: LevelChoice
    source: Source
    violation: str
    what: LabelOut
    summary: str
    merchant: ShopOut | None
    place: str | None
    town: str
    grid: str
    location: Position | None
    act_at: Time
    reported_at: Time
    due_at: Time
    step_due_at: Time
    due_provisional: bool
    held_by: UnitOut | None
    closed_at: Time | None
    result: str | None
    found_true: bool | None


class MoveOut(Schema):
    """A move that was made: by which unit, from where to where. Words and persons stay here."""

    version: int
    move: str
    at: Time
    by: UnitOut | None
    from_state: str
    to_state: str
    to_level: str
    result: str | None


class ChoiceOut(Schema):
    """One of the answers of a question."""

    id: str
    label: LabelOut


class QuestionOut(Schema):
    """What is asked with the feedback. `kind`: choice, number, text or date. `unit`: of a number."""

    id: str
    kind: str
    label: LabelOut
    unit: str
    choices: list[ChoiceOut]


class EvidenceOut(Schema):
    """What must come with the feedback where it is found true: pictures before and after, the answers to all `questions`
    if `form`, a reading. `readings`: hours of the shop's monitor that can be named."""

    photo_before: bool
    photo_after: bool
    form: bool
    reading: bool
    questions: list[QuestionOut]
    readings: list[str]


class CaseResultOut(Schema):
    """What came of a case."""

    outcome: CaseOutcome
    day: date
    number: str


class CaseOut(Schema):
    """The case of enforcement an issue went on as."""

    number: str
    body: str
    day: date
    cause: str
    result: CaseResultOut | None


class IssueWhole(IssueOut):
    """An issue with its moves, the oldest first; `joined_into`: the number of the issue it went into; `may`: the moves the
    key's person may make now; `evidence`: what must come with its feedback; `other`: the number it goes by in another system;
    `case`: what it went on as."""

    joined_into: str | None
    other: OtherOut | None
    case: CaseOut | None
    reports: int
    moves: list[MoveOut]
    may: list[str]
    evidence: EvidenceOut


class IssuesAsked(Given):
    """`from` and `to`: days of the county on which it was reported, both included. `state`: also `open` and `ended`."""

    state: StateChoice | Annotated[str, StringConstraints(pattern="^(open|ended)?$")] = ""
    level: LevelChoice | None = None
    flow: FlowChoice | None = None
    source: Source | None = None
    violation: Code = ""
    town: Code = ""
    merchant: Id | None = None
    late: bool = False
    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")
    cursor: Cursor = ""
    limit: Limit = ROWS


class OtherOut(Schema):
    """The number something goes by in another system."""

    system: str
    number: str


class OtherIn(Given):
    """The number something goes by in another system; `system`: an id of the county's catalogue of systems."""

    system: Annotated[str, StringConstraints(min_length=1, max_length=30)]
    number: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\s/\\?#%&\x00-\x1f]+$")]


class FindIn(Given):
    """Something that was found. A merchant (by id or by licence number), a place or a position says where; `town`: its code, where
    neither merchant nor position tells. `photos`: as `POST /photos` named them. `other`: the number it goes by in another
    system; the same find with the same number again is the same issue."""

    violation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,30}$")]
    words: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_writable)] = ""
    act_at: AwareDatetime
    merchant: Id | None = None
    licence_no: Annotated[str, StringConstraints(max_length=40), AfterValidator(_writable)] = ""
    place: Short = ""
    town: Code = ""
    location: Position | None = None
    photos: Photos = []
    other: OtherIn | None = None


class ReportNamed(Given):
    """A report by the number of its own system."""

    source: Annotated[str, StringConstraints(max_length=30)]
    own_number: Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_writable)]


class AnswerIn(ReportNamed):
    """The answer to one of several reports."""

    answer: Words


class InspectionIn(Given):
    """An inspection (检查笔录), with `handle` or `note`; its words are the move's comment. `second_officer`: by user name. `items`:
    ids of tasks and violations that were checked. `number`: the complaint's, order's or campaign's; a plan needs none."""

    second_officer: UserName
    items: Annotated[list[Code], Field(min_length=1, max_length=60)]
    started_at: AwareDatetime
    ended_at: AwareDatetime
    why: Why = Why.PLAN
    number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_writable)] = ""
    outcome: Outcome


class MoveIn(Given):
    """A move. `comment`: the words that come with it. `seen`: the version that was looked at; if another move came since,
    this one is refused. `answer` goes to everybody who reported it, unless `answers` has one of their own. Units are named
    by their code, people by their user name. `interim`: what the one `report` is told is not its answer yet. `violation` and
    `merchant`: with `amend`, as they should have been. `until` and `reason`: of a rest. `days`: working days, asked for or granted.
    `part_due`: with `involve`, `set_due`, and `settle` where an objection is `upheld`, by which day the parts are to be done.
    With `file_case`: `case_number`, and, unless they are as usual (own body, today, the find's title), `case_body` (by its
    code), `case_on`, `case_cause`. `before`: pictures of how it was found, with `handle` and `feed_back`.
    With `feed_back`, what the issue's `evidence` asks for: `photos` (as `POST /photos` named them), `form` (question → a choice's
    id, a number, words, or a day), `reading` (one of those offered, or another hour as MN@2026-03-05T18) or `measured` (words)."""

    move: Move
    comment: Words = ""
    seen: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    to_unit: Code = ""
    to_person: UserName = ""
    on_behalf_of: UserName = ""
    result: Result | None = None
    answer: Words = ""
    into: Annotated[str, StringConstraints(pattern=r"^([0-9]{13})?$")] = ""
    inspection: InspectionIn | None = None
    merchant: Id | None = None
    location: Position | None = None
    answers: Annotated[list[AnswerIn], Field(max_length=100)] = []
    units: Annotated[list[Code], Field(max_length=30)] = []
    report: ReportNamed | None = None
    until: Day | None = None
    reason: Code = ""
    days: Annotated[int, Field(ge=1, le=365)] | None = None
    part_due: Day | None = None
    upheld: bool = False
    interim: bool = False
    violation: Code = ""
    case_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_writable)] = ""
    case_body: Code = ""
    case_on: Day | None = None
    case_cause: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_writable)] = ""
    mentioned: Annotated[list[UserName], Field(max_length=30)] = []
    photos: Photos = []
    before: Photos = []
    form: Annotated[dict[Code, Finite | Told], Field(max_length=30)] = {}
    reading: Annotated[str, StringConstraints(max_length=60), AfterValidator(_writable)] = ""
    measured: Told = ""


class CaseResultIn(Given):
    """What came of a case (行政处罚法 57): `day` it was decided on, `number` of the decision, `comment`: the amount, or why none."""

    outcome: CaseOutcome
    day: Day
    number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_writable)] = ""
    comment: Words = ""


class LookIn(Given):
    """A look for the re-check. `shop`: ask the shop for a picture; `send`: have `person` look, who did not handle it; `saw`: what
    whoever was sent has seen, with `photos`. `comment`: what is to be shown or looked at, or what was seen."""

    do: Literal["shop", "send", "saw"]
    comment: Words
    person: UserName = ""
    photos: Photos = []
    location: Position | None = None


class MovedOut(Schema):
    """Where the issue stands after the move."""

    number: str
    version: int
    move: str
    state: str
    level: str


# ── reports ──


class ReportIn(Given):
    """What somebody reported to another system, with that system's own number. A merchant by id or by licence number. `due_at`: by
    when that system wants it answered; `kind`: what it calls it (deadlines.yaml: of_orders), which says so otherwise."""

    source: Annotated[str, StringConstraints(max_length=30)]
    own_number: Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_writable)]
    violation: Annotated[str, StringConstraints(max_length=30)] = "P-OTHER"
    words: ReportWords = ""
    seen_at: AwareDatetime
    merchant: Id | None = None
    licence_no: Annotated[str, StringConstraints(max_length=40), AfterValidator(_writable)] = ""
    place: Short = ""
    town: Code = ""
    location: Position | None = None
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(_writable)] = ""
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), AfterValidator(_writable)] = ""
    due_at: AwareDatetime | None = None
    kind: Code = ""


class ReportChange(Given):
    """What a report says otherwise than before: by when it is wanted, its words. What is left out stays."""

    due_at: AwareDatetime | None = None
    words: ReportWords = ""


class ReportOut(Schema):
    """What became of a report. `follow`: the page its reporter may be given; `answer`: what they are told."""

    source: str
    own_number: str
    number: str
    state: StateChoice
    received_at: Time
    due_at: Time
    due_provisional: bool
    answer: str | None
    answered_at: Time | None
    found_true: bool | None
    follow: str


# ── cursors ──


def cursor_of(mark: str) -> str | None:
    """A place in a list, so written that nobody builds on what it says."""
    return base64.urlsafe_b64encode(mark.encode()).decode().rstrip("=") if mark else None


def mark_of(cursor: str) -> str:
    """The place a cursor means. Raises Problem."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.urlsafe_b64decode(padded.encode()).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise wrong("cursor", cursor, _("Send the `next` of the page before, or none.")) from error
