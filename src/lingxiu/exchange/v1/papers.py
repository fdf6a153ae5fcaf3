"""A notice to the merchant, made for another system by the key's person. Who may make one, `issues.papers` decides."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from lingxiu.accounts.models import User
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, officer_of, once_each
from lingxiu.exchange.problems import Fault, Problem
from lingxiu.exchange.v1.shapes import Day, Given, Number, UserName, Words
from lingxiu.issues import rectifications
from lingxiu.issues.models import Issue
from lingxiu.issues.rectifications import Notice, NoticeRefused
from lingxiu.ui import addresses

router = Router(tags=["issues"])
WRITE = Needs(keys.ISSUES_WRITE)
FIELDS = {"second": "second", "words": "demands", "until": "until"}
"""What a refusal names → the field that mends it; any other is the issue itself, or who asks."""


class NoticeIn(Given):
    """`second`: user name of the other certified officer. `demands`: a line each. `until`: the day it must be put right before."""

    second: Annotated[UserName, Field(min_length=1)]
    demands: Words
    until: Day


class NoticeOut(Schema):
    """Where the Word file lies, for the person this key acts for, signed in. It is a draft, and says so, until the other officer
    has signed it, at `page`, signed in as himself; the paper then lies there too."""

    number: str
    file: str
    page: str
    state: Literal["draft"] = "draft"


@router.post("/issues/{number}/notices", response={201: NoticeOut}, auth=WRITE, summary="A notice")
def post_notice(request: HttpRequest, number: Number, sent: NoticeIn) -> Status[Any]:
    """Write a notice to the merchant from the department's template, for two certified officers of an enforcing body. The other
    one signs it himself: until then it is a draft."""
    user, now = officer_of(request), timezone.now()
    issue = Issue.objects.visible_to(user).select_related("merchant").filter(number=number).first()
    if issue is None:
        raise Problem("not-found", _("No issue of this number is known to this key."))

    def do() -> Done:
        second = User.objects.filter(username=sent.second).first()
        made = rectifications.write(issue, user, Notice(second, sent.demands, sent.until), at=now)
        lies = {"file": addresses.file(made.draft), "page": addresses.rectification(made.pk)}
        return Done(201, {"number": number, "state": "draft", **lies})

    try:
        done = once_each(request, {"number": number, **sent.model_dump(mode="json")}, do)
    except NoticeRefused as refused:
        raise _refused(refused, sent) from refused
    return Status(done.status, done.body)


def _refused(refused: NoticeRefused, sent: NoticeIn) -> Problem:
    why = rectifications.WHY_NO_NOTICE[refused.why]
    if refused.why == "person":
        return Problem("not-permitted", why)
    field = FIELDS.get(refused.why, "number")
    said = sent.model_dump(mode="json").get(field)
    return Problem("refused" if field in FIELDS.values() else "moved-on", why, (Fault(field, said, why),))
