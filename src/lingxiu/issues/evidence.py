"""What a violation asks for beside pictures: the answers to its questions (the form), and a reading; frozen with the move.

A value of a monitor is a lead and is told as one; never decides whether it proves anything (行政处罚法 §41).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.issues.lifecycle import FOUND_TRUE, Result
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import edition
from lingxiu.policy.schema.violations import Question, Violation

HOUR = timedelta(hours=1)
LONGEST_ANSWER = 500
Answers = Mapping[str, str | float]
"""Question id → a choice's id, a number, words, or a day as 2026-03-05."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a shop's monitor said in an hour. `means`: beginning and fume (mg/m³) of its ten-minute windows; minutes: of 60,
    how many the fan ran, and of these without the purifier."""

    device: str
    hour: datetime
    means: tuple[tuple[datetime, float], ...]
    fan_minutes: int
    alone_minutes: int

    @property
    def key(self) -> str:
        """What a form and the API name it by."""
        return f"{self.device}@{timezone.localtime(self.hour):%Y-%m-%dT%H}"

    @property
    def kept(self) -> dict[str, object]:
        """Its figures, as the move keeps them."""
        return {
            "device": self.device,
            "hour": self.hour.isoformat(),
            "means": [[at.isoformat(), value] for at, value in self.means],
            "fan_minutes": self.fan_minutes,
            "alone_minutes": self.alone_minutes,
        }


Source = Callable[[int, Collection[datetime]], list[Reading]]
_sources: list[Source] = []


def readings_from(source: Source) -> None:
    """A room above registers, in its `ready()`, where the hours of a shop's monitors are: `source(merchant_id, hours)`."""
    _sources.append(source)


def violation_of(issue: Issue) -> Violation:
    """What the issue is about, by the edition it was routed by."""
    return edition(issue.edition).catalogues.violation(issue.violation)


def offered(issue: Issue, at: datetime) -> list[Reading]:
    """The readings that can be attached with one tap: of the hour it was so, of this one and of the two before."""
    wanted = violation_of(issue).evidence
    if not (wanted.reading and wanted.by_monitor) or issue.merchant_id is None:
        return []
    return _hours(issue.merchant_id, {_hour(issue.act_at), *(_hour(at) - n * HOUR for n in range(3))})


def reading_called(key: str, issue: Issue, at: datetime) -> Reading | None:
    """The reading of this name, of whatever hour: a form may have been opened long before it was sent. None: there is none."""
    device, _at, hour = key.rpartition("@")
    try:
        begins = datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=timezone.get_current_timezone())
    except ValueError:
        return None
    if issue.merchant_id is None or begins > at:
        return None
    return next((one for one in _hours(issue.merchant_id, {begins}) if one.device == device), None)


def _hours(merchant_id: int, hours: Collection[datetime]) -> list[Reading]:
    return [reading for source in _sources for reading in source(merchant_id, hours)]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# ── what is wanted ───────────────────────────────────────────────────────────────────────────────────────────────


def unanswered(violation: Violation, told: Answers, result: Result) -> list[Question]:
    """The questions that must be answered and are not. Where nothing was found there is nothing to fill in."""
    if not violation.evidence.form or not FOUND_TRUE.get(result, True):
        return []
    return [question for question in violation.questions if told.get(question.id, "") == ""]


def wants_reading(violation: Violation, result: Result) -> bool:
    """Whether a reading must come with this result."""
    return violation.evidence.reading and FOUND_TRUE.get(result, True)


class WrongAnswer(ValueError):
    """An answer that is none to its question, or to a question nobody asks. `question`: its id."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


def answers(violation: Violation, told: Mapping[str, object]) -> dict[str, str | float]:
    """What was told, as it is kept; what was left empty is left out. Raises WrongAnswer."""
    questions = {question.id: question for question in violation.questions}
    return {
        name: _answer(questions.get(name), name, value)
        for name, value in told.items()
        if value not in (None, "")  # not asked for, or not known
    }


def _answer(question: Question | None, name: str, value: object) -> str | float:
    if question is None or isinstance(value, bool):
        raise WrongAnswer(name)
    match question.kind:
        case "number" if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e12:
            return float(value)
        case "choice" if value in [choice.id for choice in question.choices]:
            return str(value)
        case "date" if isinstance(value, str) and _is_day(value):
            return value
        case "text" if isinstance(value, str) and value.strip() and len(value) <= LONGEST_ANSWER:
            return value.strip()
        case _:
            raise WrongAnswer(name)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# ── told again ───────────────────────────────────────────────────────────────────────────────────────────────────


def told_lines(violation: Violation, data: Mapping[str, object], language: str) -> list[tuple[str, str]]:
    """What a move's data keeps of this: question and answer, then the reading, as pages and papers show them."""
    said = data.get("form")
    form: Mapping[str, object] = said if isinstance(said, dict) else {}
    lines = [
        (question.label.text(language), _in_words(question, form[question.id], language))
        for question in violation.questions
        if question.id in form
    ]
    if reading := data.get("reading"):
        lines.append((_("Reading of the monitor (a lead)"), reading_words(reading)))
    if measured := data.get("measured"):
        lines.append((_("Measured on site"), str(measured)))
    return lines


def _in_words(question: Question, value: object, language: str) -> str:
    if question.kind == "choice":
        labels = {choice.id: choice.label.text(language) for choice in question.choices}
        return labels.get(str(value), str(value))
    text = f"{value:g}" if isinstance(value, int | float) else str(value)
    return f"{text} {question.unit}".rstrip()


def reading_words(kept: object) -> str:
    """One line of a kept reading: device, hour, ten-minute means, fan and purifier."""
    assert isinstance(kept, dict)
    begins = timezone.localtime(datetime.fromisoformat(kept["hour"]))
    values = " / ".join(f"{value:.1f}" for _at, value in kept["means"])
    said = _("%(device)s, %(day)s %(from)s–%(to)s: fume %(values)s mg/m³ (ten-minute means)") % {
        "device": kept["device"], "day": f"{begins:%Y-%m-%d}", "from": f"{begins:%H:%M}",
        "to": f"{begins + HOUR:%H:%M}", "values": values or "–",
    }  # fmt: skip
    ran = _("fan on %(fan)s min, of these %(alone)s without the purifier") % {
        "fan": kept["fan_minutes"], "alone": kept["alone_minutes"],
    }  # fmt: skip
    return f"{said}; {ran}"
