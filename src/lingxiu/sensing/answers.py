"""What devices answered, in words: for pages and for `lingxiu device ask`. Decides nothing; changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.sensing.asking import QUESTIONS
from lingxiu.sensing.models import Device, DeviceRequest

ROWS_SHOWN: Final = 8
TONES: Final = {
    DeviceRequest.State.WAITING: "neutral",
    DeviceRequest.State.SENT: "info",
    DeviceRequest.State.ACCEPTED: "info",
    DeviceRequest.State.DONE: "success",
    DeviceRequest.State.REFUSED: "warning",
    DeviceRequest.State.FAILED: "warning",
    DeviceRequest.State.EXPIRED: "neutral",
}
REFUSALS: Final[dict[int, str | Promise]] = {
    2: gettext_lazy("the device refuses"),
    3: gettext_lazy("wrong password"),
    4: gettext_lazy("wrong MN"),
    5: gettext_lazy("wrong ST"),
    6: gettext_lazy("wrong Flag"),
    7: gettext_lazy("wrong QN"),
    8: gettext_lazy("it does not know this command"),
    9: gettext_lazy("wrong check value"),
    100: gettext_lazy("no reason given"),
}
"""QnRtn (HJ 212-2017 table 7)."""
FAILURES: Final[dict[int, str | Promise]] = {
    2: gettext_lazy("failed, no reason given"),
    3: gettext_lazy("its state does not allow it"),
    4: gettext_lazy("timed out inside the device"),
    5: gettext_lazy("the device is busy"),
    6: gettext_lazy("fault in the device"),
    100: gettext_lazy("it has no such data"),
}
"""ExeRtn."""
_LABELS: Final = {question.cn: question.label for question in QUESTIONS.values()} | {
    "1014": gettext_lazy("Change its key")
}


class Told(NamedTuple):
    """A request as people read it."""

    request: DeviceRequest
    question: str
    period: str
    answer: str
    state: str
    tone: str


def told(request: DeviceRequest) -> Told:
    """What was asked, what came of it."""
    return Told(
        request,
        str(_LABELS.get(request.cn, request.cn)),
        " – ".join(
            _spaced(request.parameters[name]) for name in ("BeginTime", "EndTime") if name in request.parameters
        ),
        answer_of(request),
        request.get_state_display(),
        TONES[DeviceRequest.State(request.state)],
    )


def last_told(device: Device, count: int = ROWS_SHOWN) -> list[Told]:
    """The newest requests of a device."""
    return [told(row) for row in DeviceRequest.objects.filter(device=device)[:count]]


def answer_of(request: DeviceRequest) -> str:
    """The answer in words, or why there is none; "" while there is nothing to say."""
    if request.state == DeviceRequest.State.REFUSED:
        return str(REFUSALS.get(request.qn_rtn or 100, f"QnRtn={request.qn_rtn}"))
    if request.state == DeviceRequest.State.FAILED:
        return str(FAILURES.get(request.exe_rtn or 2, f"ExeRtn={request.exe_rtn}"))
    said = {name: value for name, value in request.answer.items() if name not in ("frames", "QN", "CN", "DataTime")}
    if "first" in said:
        return _("%(n)s packets, from %(first)s to %(last)s") % {
            "n": request.answer.get("frames", ""), "first": _spaced(said["first"]), "last": _spaced(said["last"])
        }  # fmt: skip
    return " · ".join(_in_words(name, value, request) for name, value in said.items())


def _in_words(name: str, value: str, request: DeviceRequest) -> str:
    if name == "SystemTime":
        return _clock(value, request.ended_at)
    if name == "RestartTime":
        return _("started %(at)s") % {"at": _spaced(value)}
    if name == "RtdInterval":
        return _("every %(n)s s") % {"n": value}
    if name == "MinInterval":
        return _("of %(n)s min") % {"n": value}
    return f"{name}={value}"


def _clock(text: str, heard: datetime | None) -> str:
    """Its time, and how far that is from ours when we heard of it."""
    device = _moment(text)
    if device is None or heard is None:
        return text
    ahead = round((device - timezone.localtime(heard).replace(tzinfo=None)).total_seconds())
    shown = device.isoformat(" ")
    if abs(ahead) <= 2:
        return _("%(at)s: right") % {"at": shown}
    if ahead > 0:
        return _("%(at)s: %(n)s s ahead") % {"at": shown, "n": ahead}
    return _("%(at)s: %(n)s s behind") % {"at": shown, "n": -ahead}


def _spaced(text: str) -> str:
    moment = _moment(text)
    return text if moment is None else moment.isoformat(" ", "minutes")


def _moment(text: str) -> datetime | None:
    """14 digits of the device's clock, which knows no zone."""
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
