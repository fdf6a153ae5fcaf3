"""Forms of the list: one a move. They check shapes; what may be done, `actions` checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from django import forms
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import cases, cooperating, evidence, mentions, outside, queries, reporters
from lingxiu.issues.fields import LONGEST_WORDS, SometimesWords, area, question_field
from lingxiu.issues.holding import routed_unit, units_to_give
from lingxiu.issues.lifecycle import (
    CERTIFIED_ONLY,
    FOUND_TRUE,
    MOVES,
    WITH_SOMEBODY,
    Level,
    Move,
    Needs,
    Result,
    State,
)
from lingxiu.issues.models import PEOPLE, Assignment, Issue, Report, ResultChoice
from lingxiu.issues.phrases import ANSWERING
from lingxiu.issues.whom import doers, handlers, unit_and_person, whom
from lingxiu.issues.words import REFUSALS
from lingxiu.issues.writing import Brought, limits, part_due
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition

FIELDS: dict[Move, tuple[str, ...]] = {
    Move.CONFIRM: (),
    Move.DISPATCH: ("to", "shop", "words"),
    Move.ACCEPT: (),
    Move.HANDLE: ("shop", "words"),
    Move.FEED_BACK: ("result", "shop", "told", "reading", "words"),
    Move.CLOSE: ("answer", "words"),
    Move.REWORK: ("words",),
    Move.JOIN: ("into",),
    Move.TRANSFER: ("to", "words"),
    Move.RETURN: ("words",),
    Move.ESCALATE: ("words",),
    Move.DISMISS: ("words", "answer"),
    Move.REOPEN: ("words",),
    Move.SPLIT: ("report",),
    Move.INVOLVE: ("units", "part_due", "words"),
    Move.CONTRIBUTE: ("words",),
    Move.OBJECT: ("words",),
    Move.REPLY: ("units", "words"),
    Move.SETTLE: ("units", "upheld", "part_due", "words"),
    Move.HAND_BACK: ("units", "words"),
    Move.SET_DUE: ("units", "part_due", "words"),
    Move.RELEASE: ("units", "words"),
    Move.DECLINE: ("words",),
    Move.REASSIGN: ("colleague", "words"),
    Move.SUSPEND: ("rest", "words"),
    Move.RESUME: (),
    Move.EXTEND: ("days", "words"),
    Move.GRANT: ("days",),
    Move.REFUSE: ("words",),
    Move.SUPERVISE: ("words",),
    Move.REPORT_UP: ("words",),
    Move.CORRECT: ("words",),
    Move.ASK: ("which_report", "words"),
    Move.ANSWER: ("one_report", "one_answer"),
    Move.AMEND: ("violation", "other_shop", "words"),
    Move.FILE_CASE: ("case_number", "filing", "words", "answer"),
    Move.NOTE: ("words", "mention"),
}
WITH_PICTURE = frozenset({Move.HANDLE, Move.FEED_BACK, Move.CONTRIBUTE, Move.CORRECT, Move.NOTE})
BEFORE_AND_AFTER = frozenset({Move.HANDLE, Move.FEED_BACK})
"""Moves that take two: as it was found, and as it was left."""
_WORDS_NEEDED = frozenset(what for what, rule in MOVES.items() if Needs.WORDS in rule.needs)
_WORDS: dict[Move, Any] = {
    Move.HANDLE: _("What you saw and said"),
    Move.FEED_BACK: _("In a few words"),
    Move.REWORK: _("What is still to be done"),
    Move.DISMISS: _("Why nothing is to be done"),
    Move.CONTRIBUTE: _("What you did, and what came of it"),
    Move.OBJECT: _("Why it is not yours, with the clause of your duties"),
    Move.REPLY: _("What you say to the objection"),
    Move.SETTLE: _("How it is settled, and why"),
    Move.HAND_BACK: _("What is missing"),
    Move.SUPERVISE: _("What you want to know or done"),
    Move.REPORT_UP: _("Answer to the leader"),
    Move.CORRECT: _("What you have done"),
    Move.ASK: _("Question to the reporter"),
    Move.AMEND: _("Why it is corrected"),
    Move.EXTEND: _("Why it takes longer"),
    Move.NOTE: _("Note"),
}


_PASS_ON = _(
    "The grid member sees what it is about and where, not what was said. Pass on what they need, in your own words."
)


class MoveForm(forms.Form):
    """What a move brings. The fields are those of `FIELDS`, less what this issue has no use for."""

    def __init__(
        self, what: Move, issue: Issue, user: User, data: Any = None, *, on_behalf: bool = False, **kwargs: Any
    ) -> None:
        self.what, self.issue, self.user, self.on_behalf = what, issue, user, on_behalf
        self._empty = False
        self._named: tuple[User, ...] = ()
        self._readings: dict[str, evidence.Reading] = {}
        super().__init__(data, auto_id=f"{what.value}{'-for' if on_behalf else ''}-%s", **kwargs)
        if on_behalf:
            self.fields["doer"] = forms.ChoiceField(label=_("Who did it"), choices=doers(issue))
        for name in FIELDS[what]:
            self.fields.update(getattr(self, f"_{name}")())

    @property
    def has_nothing_to_choose(self) -> bool:
        """Whether a choice it asks for is empty: no colleague, no unit that could be called in."""
        return self._empty

    @property
    def going_out(self) -> frozenset[str]:
        """The fields whose words reach a reporter as they stand: pages mark them as such."""
        names = {name for name in self.fields if name == "answer" or name.startswith("answer_")}
        return frozenset(names | ({"words"} if self.what is Move.ASK else set()))

    @property
    def texted(self) -> bool:
        """Whether a text message tells somebody of what goes out; the words themselves stand on the page of their report."""
        return bool(self.going_out) and reporters.written_to(self._everybody())

    @property
    def tells(self) -> str:
        """What whoever reported it finds on their page once this is done, in our words; empty where nobody did, or nothing."""
        return str(outside.announced(self.what)) if self._everybody() else ""

    def _everybody(self) -> list[Report]:
        """The reports on the issue: read once for all the forms of a page."""
        prefetch_related_objects([self.issue], "reports")
        return list(self.issue.reports.all())

    @property
    def tapped_into(self) -> str:
        """The field that phrases are for: in what goes out as an answer, the answer."""
        return "answer" if self.what in ANSWERING else "words"

    # Each of these makes the fields of one name of FIELDS: none, one, or several.

    def _words(self) -> dict[str, forms.Field]:
        label = _WORDS.get(self.what, _("Reason") if self.what in _WORDS_NEEDED else _("Words"))
        needed = self.what in _WORDS_NEEDED
        hint = _PASS_ON if self.what is Move.DISPATCH and self.issue.source in PEOPLE else ""
        field = forms.CharField(
            label=label, required=needed, max_length=LONGEST_WORDS, widget=area(3), help_text=hint
        )  # fmt: skip
        return {"words": field}

    def _to(self) -> dict[str, forms.Field]:
        names = forms.Select(attrs={"lang": "zh"})  # of units and people
        return {
            "to": forms.ChoiceField(label=_("To whom"), choices=whom(self.issue), initial=self._likely(), widget=names)
        }

    def _likely(self) -> str:
        """Who would be given it by its place: the grid, at the county the responsible department."""
        to = "responsible_department" if self.issue.level == Level.COUNTY else "grid"
        issue = self.issue
        unit = routed_unit(to, town=issue.town, grid=issue.grid, responsible=issue.responsible)
        return str(unit.pk) if unit and unit.pk != issue.lead_unit_id else ""

    def _result(self) -> dict[str, forms.Field]:
        certified = self.on_behalf or self.user.authority.may("issues.inspect")
        choices = [
            (result.value, ResultChoice(result.value).label)
            for result in FOUND_TRUE
            if (certified or result not in CERTIFIED_ONLY) and (result != Result.DEVICE_FAULT or self.issue.alarm_id)
        ]
        return {"result": forms.ChoiceField(label=_("What came of it"), choices=choices, widget=forms.RadioSelect)}

    def _told(self) -> dict[str, forms.Field]:
        """A field for each question of the violation. Where nothing was found, none need be answered: only here is that known."""
        violation, language = evidence.violation_of(self.issue), get_language() or "zh-hans"
        sent = self.data.get("result", "") if self.is_bound else ""
        true = FOUND_TRUE.get(Result(sent), True) if sent in list(Result) else True
        fields = {f"told_{question.id}": question_field(question, language) for question in violation.questions}
        for field in fields.values():
            field.required = violation.evidence.form and true
        self.use_required_attribute = not violation.evidence.form  # the browser does not know what came of it
        return fields

    def _reading(self) -> dict[str, forms.Field]:
        if not evidence.violation_of(self.issue).evidence.reading:
            return {}
        found = evidence.offered(self.issue, timezone.now())
        sent = self.data.get("reading", "") if self.is_bound else ""
        if sent and sent not in [reading.key for reading in found]:  # the form was opened hours ago
            late = evidence.reading_called(sent, self.issue, timezone.now())
            found += [late] if late else []
        self._readings = {reading.key: reading for reading in found}
        fields: dict[str, forms.Field] = {}
        if found:
            choices = [(reading.key, evidence.reading_words(reading.kept)) for reading in found]
            fields["reading"] = forms.ChoiceField(
                label=_("Reading of the shop's monitor"), required=False, choices=choices, widget=forms.RadioSelect,
                help_text=_("Its figures are kept as they are now. A lead, no proof: over the limit means sampling."),
            )  # fmt: skip
        fields["measured"] = forms.CharField(
            label=_("Measured on site"), required=False, max_length=evidence.LONGEST_ANSWER, widget=area(2),
            help_text=_("What, how much, with which instrument, by whom; or the number of the sampling's report."),
        )  # fmt: skip
        return fields

    def _answer(self) -> dict[str, forms.Field]:
        reports = list(self.issue.reports.order_by("reported_at"))
        if not reports:
            return {}
        several = len(reports) > 1
        help_text = gettext("They read it as it stands. No names of officers, nothing about other people.")
        if several:
            help_text += " " + gettext("It goes to everybody who gets no answer of their own below.")
        fields: dict[str, forms.Field] = {
            "answer": (SometimesWords if several else forms.CharField)(
                label=_("Answer to whoever reported it"), max_length=LONGEST_WORDS, widget=area(3), required=not several,
                error_messages={"required": str(REFUSALS["answer"])}, help_text=help_text,
            )
        }  # fmt: skip
        if several:
            for row in reports:
                said = row.own_number or row.words[:20]
                label = gettext("A different answer to «%(said)s»") % {"said": said}
                fields[f"answer_{row.pk}"] = forms.CharField(label=label, required=False, widget=area(2))
        return fields

    def _one_answer(self) -> dict[str, forms.Field]:
        return {
            "answer": forms.CharField(
                label=_("Answer to whoever reported it"), max_length=LONGEST_WORDS, widget=area(3),
                help_text=_("They read it as it stands. No names of officers, nothing about other people."),
            ),
            "interim": forms.BooleanField(
                label=_("This is not the answer yet: their due time runs on"), required=False
            ),
        }  # fmt: skip

    def _violation(self) -> dict[str, forms.Field]:
        language = get_language() or "zh-hans"
        rows = edition(self.issue.edition).catalogues.violations
        choices = [(row.id, f"{row.id} {row.label.text(language)}") for row in rows if row.enabled]
        if self.issue.violation not in dict(choices):
            choices.insert(0, (self.issue.violation, self.issue.violation))
        return {
            "violation": forms.ChoiceField(label=_("What it is about"), choices=choices, initial=self.issue.violation)
        }

    def _other_shop(self) -> dict[str, forms.Field]:
        self.shops = queries.shops_nearby(self.issue, self.user)
        hint = {"list": f"shops-{self.what.value}", "autocomplete": "off", "lang": "zh"}
        return {
            "shop": forms.CharField(
                label=_("Which shop it is"), required=False, max_length=200, widget=forms.TextInput(attrs=hint),
                initial=self.issue.merchant.name if self.issue.merchant else "",
                help_text=_("Name, or licence number where two are called the same."),
            )
        }  # fmt: skip

    def _into(self) -> dict[str, forms.Field]:
        near = queries.suggestions(self.issue, self.user)
        hint = {"list": "open-issues", "autocomplete": "off", "inputmode": "numeric"}
        field = forms.CharField(label=_("Number of the other issue"), max_length=13, widget=forms.TextInput(attrs=hint))
        self.suggested = near
        return {"into": field}

    def _units(self) -> dict[str, forms.Field]:
        """Units to call in, or those whose part the move is about; where there is only one, it is ticked."""
        wanted = self._to_call_in() if self.what is Move.INVOLVE else self._of_parts()
        choices = [(str(unit.pk), format_html('<span lang="zh">{}</span>', unit.name)) for unit in wanted]
        boxes = forms.CheckboxSelectMultiple()
        self._empty = not choices
        initial = self._cooperating(wanted) if self.what is Move.INVOLVE else self._meant(wanted)
        return {
            "units": forms.MultipleChoiceField(label=_("Which units"), choices=choices, initial=initial, widget=boxes)
        }

    def _to_call_in(self) -> list[Unit]:
        taken = {self.issue.lead_unit_id, *(part.unit_id for part in self._parts() if part.ended_at is None)}
        units = units_to_give(Level(self.issue.level), self.issue.town).order_by("kind", "code")
        return [unit for unit in units if unit.pk not in taken]

    def _of_parts(self) -> list[Unit]:
        """Of whose part this move may be made now."""
        issue, parts, lead = self.issue, self._parts(), self.issue.lead_unit_id
        match self.what:
            case Move.REPLY:
                found = cooperating.to_reply(parts, lead)
            case Move.SETTLE:
                is_given = State(issue.state) in WITH_SOMEBODY
                found = cooperating.to_settle(parts, lead, timezone.now(), is_given=is_given)
            case Move.HAND_BACK:
                most = limits(issue).sent_back_times
                found = cooperating.to_hand_back(parts, lead, issue.clock_from, most)
            case _:
                found = [part for part in parts if part.ended_at is None]
        return [*{part.unit_id: part.unit for part in found}.values()]

    def _parts(self) -> list[Assignment]:
        """The co-operating parts: read once for all the forms of a page."""
        prefetch_related_objects([self.issue], "assignments__unit")
        rows = sorted(self.issue.assignments.all(), key=lambda row: row.pk)
        return [row for row in rows if row.part == Assignment.Part.COOPERATING]

    def _meant(self, units: list[Unit]) -> list[str]:
        """The lead replies to, and the county settles, all that wait for it, unless they choose."""
        everybody = self.what in (Move.REPLY, Move.SETTLE) or len(units) == 1
        return [str(unit.pk) for unit in units] if everybody and self.what is not Move.RELEASE else []

    def _part_due(self) -> dict[str, forms.Field]:
        """The day by which parts are to be done; blank: by policy. With the whole issue at the latest."""
        issue, now = self.issue, timezone.now()
        usual, needed = part_due(issue, now), self.what is Move.SET_DUE
        asked = forms.DateInput(attrs={"type": "date", "min": timezone.localdate(now).isoformat()})
        if issue.due_at > now:
            asked.attrs["max"] = timezone.localdate(issue.due_at).isoformat()
        days = {"day": timezone.localdate(usual.at).isoformat(), "whole": timezone.localdate(issue.due_at).isoformat()}
        said = _("The whole issue is due %(whole)s.") if needed else _(
            "If left empty: %(day)s. The whole issue is due %(whole)s."
        )  # fmt: skip
        label = _("By which day their part is to be done")
        if self.what is Move.SETTLE:
            label = _("If not released: by which day")
        return {"part_due": forms.DateField(label=label, required=needed, widget=asked, help_text=said % days)}

    def _cooperating(self, units: Iterable[Unit]) -> list[str]:
        """Whom the catalogue names for this kind of issue."""
        named = edition(self.issue.edition).catalogues.violation(self.issue.violation)
        return [str(unit.pk) for unit in units if unit.code in named.cooperating]

    def _upheld(self) -> dict[str, forms.Field]:
        return {
            "upheld": forms.ChoiceField(
                label=_("Decision"), widget=forms.RadioSelect,
                choices=[("no", _("released: it is not theirs")), ("yes", _("not released: they do their part"))],
            )
        }  # fmt: skip

    def _colleague(self) -> dict[str, forms.Field]:
        unit = self.issue.lead_unit
        people = handlers([unit]).get(unit.pk, []) if unit else []
        own = {self.issue.lead_person_id, self.user.pk}
        choices = [(str(user.pk), user.name) for user in people if user.pk not in own]
        self._empty = not choices
        return {
            "colleague": forms.ChoiceField(
                label=_("Colleague"), choices=[("", _("Choose …")), *choices], widget=forms.Select(attrs={"lang": "zh"})
            )
        }

    def _rest(self) -> dict[str, forms.Field]:
        language = get_language() or "zh-hans"
        reasons = edition(self.issue.edition).catalogues.deadlines.suspending
        choices = [
            (row.id, gettext("%(reason)s (%(days)s days at most)") % {
                "reason": row.label.text(language), "days": row.longest_days})
            for row in reasons
        ]  # fmt: skip
        self._empty = not choices
        return {
            "reason": forms.ChoiceField(label=_("Why it rests"), choices=choices, widget=forms.RadioSelect),
            "until": forms.DateField(label=_("Until the end of"), widget=forms.DateInput(attrs={"type": "date"})),
        }

    def _days(self) -> dict[str, forms.Field]:
        most = edition(self.issue.edition).catalogues.deadlines.extending.working_days
        if self.what is Move.GRANT:
            most = self.issue.extension_asked_days or most
        return {"days": forms.IntegerField(label=_("Working days more"), min_value=1, max_value=most, initial=most)}

    def _report(self) -> dict[str, forms.Field]:
        rows = self.issue.reports.order_by("reported_at")
        choices = [(str(row.pk), format_html('<span lang="zh">{}</span>', self._said(row))) for row in rows]
        return {"report": forms.ChoiceField(label=_("Which report"), choices=choices, widget=forms.RadioSelect)}

    def _one_report(self) -> dict[str, forms.Field]:
        """None to choose where there is only one."""
        return self._report() if len(self._everybody()) > 1 else {}

    def _which_report(self) -> dict[str, forms.Field]:
        reports = list(self.issue.reports.order_by("reported_at"))
        if len(reports) < 2:
            return {}
        choices = [("", _("all of them")), *((str(row.pk), self._said(row)) for row in reports)]
        return {"report": forms.ChoiceField(label=_("Whom"), choices=choices, required=False)}

    def _only_report(self) -> int | None:
        """The one that is answered where none had to be chosen."""
        return self.issue.reports.values_list("pk", flat=True).first() if self.what is Move.ANSWER else None

    def _said(self, row: Report) -> str:
        at = timezone.localtime(row.reported_at)
        return f"{at:%m-%d %H:%M} · {row.own_number or row.words[:20] or row.get_source_display()}"

    def _case_number(self) -> dict[str, forms.Field]:
        return {"case_number": forms.CharField(label=_("Number of the case"), max_length=60)}

    def _filing(self) -> dict[str, forms.Field]:
        """Which body files it, when, why; each as it usually is."""
        bodies = [(str(unit.pk), unit.name) for unit in cases.bodies(self.issue, self.user)]
        on = forms.DateInput(attrs={"type": "date"})
        return {
            "case_body": forms.ChoiceField(
                label=_("Filed by"), choices=bodies, required=False, widget=forms.Select(attrs={"lang": "zh"})
            ),
            "case_on": forms.DateField(label=_("Filed on"), required=False, initial=timezone.localdate, widget=on),
            "case_cause": forms.CharField(
                label=_("Cause"), required=False, max_length=200, initial=cases.cause_of(self.issue),
                widget=forms.TextInput(attrs={"lang": "zh"}), help_text=_("The find's title, unless you know better."),
            ),
        }  # fmt: skip

    def clean_case_on(self) -> date | None:
        """A case is not filed on a day to come."""
        day: date | None = self.cleaned_data["case_on"]
        if day is not None and day > timezone.localdate():
            raise forms.ValidationError(_("This day has not come yet."))
        return day

    def _mention(self) -> dict[str, forms.Field]:
        self.colleagues = mentions.suggested(self.issue, self.user)
        hint = {"list": "colleagues", "autocomplete": "off", "lang": "zh"}
        return {
            "mention": forms.CharField(
                label=_("For the attention of"), required=False, max_length=60, widget=forms.TextInput(attrs=hint),
                help_text=_("A colleague who may open this issue; in the note itself, write @ before a name."),
            )
        }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """What the violation asks for is there. Whoever is named in a note is somebody who may read it."""
        data = super().clean() or {}
        if self.what is Move.FEED_BACK and data.get("result"):
            self._refuse_missing_reading(Result(data["result"]))
        if self.what is not Move.NOTE:
            return data
        self._named = (
            *self._people("words", data.get("words", "")),
            *(self._people("mention", f"@{data['mention'].lstrip('@')}") if data.get("mention") else ()),
        )
        return data

    def _refuse_missing_reading(self, result: Result) -> None:
        violation, data = evidence.violation_of(self.issue), self.cleaned_data
        missing = not (data.get("reading") or data.get("measured"))
        if evidence.wants_reading(violation, result) and missing and "reading" not in self.errors:
            at = "reading" if "reading" in self.fields else "measured"
            self.add_error(at, str(REFUSALS["reading"]))

    def _answers(self) -> dict[str, str | float]:
        """The questions that were answered, as they are kept."""
        told = {
            name.removeprefix("told_"): value for name, value in self.cleaned_data.items() if name.startswith("told_")
        }
        plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items()}
        return evidence.answers(evidence.violation_of(self.issue), plain)

    def _people(self, field: str, words: str) -> tuple[User, ...]:
        try:
            return mentions.named(self.issue, words)
        except mentions.UnknownNames as error:
            unknown = _("Nobody who may open this issue is called «%(names)s».") % {"names": "», «".join(error.names)}
            self.add_error(field, unknown)
            return ()

    def _shop(self) -> dict[str, forms.Field]:
        if self.issue.merchant_id is not None:
            return {}
        self.shops = queries.shops_nearby(self.issue, self.user)
        hint = {"list": f"shops-{self.what.value}", "autocomplete": "off"}
        return {
            "shop": forms.CharField(
                label=_("Which shop it is, if you know now"), required=False, max_length=200,
                widget=forms.TextInput(attrs=hint), help_text=_("Name, or licence number where two are called the same."),
            )
        }  # fmt: skip

    def clean_shop(self) -> Merchant | None:
        """The one merchant of this name or licence number that the person may see."""
        asked = self.cleaned_data["shop"].split(" · ")[0].strip()
        if not asked or (self.issue.merchant is not None and asked == self.issue.merchant.name):
            return None  # it stays as it is
        seen = Merchant.objects.visible_to(self.user)
        found = list(seen.filter(licence_no=asked)[:2]) or list(seen.filter(name=asked)[:2])
        if len(found) != 1:
            none = _("No shop of this name or licence number is known to you.")
            raise forms.ValidationError(_("Several shops have this name: give the licence number.") if found else none)
        return found[0]

    def brought(
        self,
        photos: tuple[str, ...],
        position: tuple[float | None, float | None],
        before: tuple[str, ...] = (),
    ) -> Brought:
        """What the valid form brings to `moving.move`."""
        data = self.cleaned_data
        unit, person = unit_and_person(data.get("to", ""))
        answers = (
            {row.pk: data.get(f"answer_{row.pk}", "") for row in self.issue.reports.all()} if "answer" in data else {}
        )
        return Brought(
            words=data.get("words", ""),
            unit=unit,
            person=User.objects.filter(pk=data["colleague"]).first() if data.get("colleague") else person,
            result=Result(data["result"]) if data.get("result") else None,
            photos=(*before, *photos),
            before=before,
            answer=data.get("answer", ""),
            answers=answers,
            into=data.get("into", ""),
            on_behalf_of=User.objects.filter(pk=data["doer"]).first() if self.on_behalf else None,
            merchant=data.get("shop"),
            units=tuple(Unit.objects.filter(pk__in=data.get("units", []))),
            report=int(data["report"]) if data.get("report") else self._only_report(),
            until=data.get("until"),
            reason=data.get("reason", ""),
            days=data.get("days"),
            part_due=data.get("part_due"),
            upheld=data.get("upheld") == "yes",
            interim=data.get("interim", False),
            violation=data.get("violation", ""),
            case_number=data.get("case_number", ""),
            case_body=Unit.objects.filter(pk=data["case_body"]).first() if data.get("case_body") else None,
            case_on=data.get("case_on"),
            case_cause=data.get("case_cause", ""),
            mentioned=self._named,
            told=self._answers() if self.what is Move.FEED_BACK else {},
            reading=self._readings.get(data.get("reading", "")),
            measured=data.get("measured", ""),
            lng=position[0],
            lat=position[1],
        )


class PutRightForm(MoveForm):
    """A visit and what came of it, told at once by whoever was there: for `at_once.put_right`."""

    def __init__(self, issue: Issue, user: User, data: Any = None) -> None:
        super().__init__(Move.FEED_BACK, issue, user, data)
        self.auto_id = "put-right-%s"
        said = self.fields["words"]
        said.label, said.required = _WORDS[Move.HANDLE], True
        self.fields["result"].initial = Result.FIXED
        self.order_fields(["words", "result"])

    def split(
        self,
        before: tuple[str, ...],
        after: tuple[str, ...],
        position: tuple[float | None, float | None],
    ) -> tuple[Brought, Brought]:
        """What the visit brings, and what the feedback."""
        outcome = self.brought(after, position)
        lng, lat = position
        visit = Brought(words=outcome.words, photos=before, merchant=outcome.merchant, lng=lng, lat=lat)
        return visit, replace(outcome, words="")
