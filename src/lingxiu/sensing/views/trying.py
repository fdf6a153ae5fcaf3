"""`/sensing/profiles/`, `…/try/`: what each dialect says, and what becomes of frames by it. `/sensing/self-test/`: the same for
anyone who builds a device. Nothing that is tried is kept; keys open frames and are never shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.accounts.sessions import network_address
from lingxiu.merchants.views.asking import reader, reader_who_may
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.queries import in_force
from lingxiu.sensing import queries, trying
from lingxiu.sensing.keys import Key, KeyUnreadable
from lingxiu.sensing.models import Device
from lingxiu.sensing.profiles import CRC_WAYS, ProfileReader
from lingxiu.sensing.trying import Found, Tried
from lingxiu.sensing.trying_words import BECAME, COLUMNS, DEVIATIONS, MARKS, NO_FRAME, REMARKS, WHY, Text
from lingxiu.ui.choosing import offer

TRIES_A_MINUTE: Final = 30
ADDRESSES_KEPT: Final = 10_000
LAST_FRAMES: Final = 100
VERSIONS: Final = ("", "2005", "2017", "2025")
BEST: Final = "best"


class TryForm(forms.Form):
    """What is to be tried."""

    frames = forms.CharField(
        label=gettext_lazy("Frames"),
        help_text=gettext_lazy("As text or as hex pairs, several one after the other; 16 KB and 20 frames at most."),
        max_length=trying.MOST_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )


class SelfTestForm(TryForm):
    """And by which profile, for which version."""

    profile = forms.ChoiceField(label=gettext_lazy("Dialect"), required=False)
    version = forms.ChoiceField(
        label=gettext_lazy("Meant for the version of"),
        required=False,
        choices=[(name, name or gettext_lazy("whichever it is")) for name in VERSIONS],
    )
    key = forms.CharField(
        label=gettext_lazy("Test key"),
        help_text=gettext_lazy(
            "32 hex digits, to open data areas under SM4. It is neither stored nor logged; take none that a device in service has."
        ),
        max_length=64,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "zh-hans"
        known = [(row.id, row.label.text(language)) for row in profiles() if row.enabled]
        offer(self, "profile", [(BEST, _("find which fits")), *known])

    def clean_key(self) -> tuple[Key, ...]:
        """The key ready for use, or none."""
        digits = "".join(self.cleaned_data["key"].split())
        try:
            return (Key(digits),) if digits else ()
        except KeyUnreadable:
            raise forms.ValidationError(_("A key is 32 hex digits.")) from None


class Turns:
    """How many tries each network address has had this minute, in this process. Bounded: beyond it strangers share one count."""

    def __init__(self) -> None:
        self._minute = -1
        self._counts: Counter[str] = Counter()

    def take(self, address: str, at: datetime) -> bool:
        """Whether the minute has room for one more of this address."""
        minute = int(at.timestamp() // 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        name = address if address in self._counts or len(self._counts) < ADDRESSES_KEPT else ""
        self._counts[name] += 1
        return self._counts[name] <= TRIES_A_MINUTE


turns = Turns()


def profiles() -> list[DeviceProfile]:
    """The dialects of HJ 212 that are read into columns of fume monitors."""
    return [row for row in in_force().catalogues.devices if row.device_kind == "fume_monitor"]


@require_safe
def profiles_page(request: HttpRequest) -> HttpResponse:
    """What every dialect says."""
    user = reader(request)
    context = {"profiles": [described(row) for row in profiles()], "manages": user.authority.may("sensing.manage")}
    return render(request, "sensing/profiles.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def try_profile(request: HttpRequest, profile_id: str) -> HttpResponse:
    """One dialect, tried against pasted frames, or against the last of a device (`mn`) that this person may see; with a device
    its key opens either, unseen."""
    user = reader_who_may(request, "sensing.manage")
    profile = next((row for row in profiles() if row.id == profile_id), None)
    if profile is None:
        raise Http404
    form = TryForm(request.POST or None)
    mn = request.GET.get("mn", "").strip()[:24]
    device = get_object_or_404(Device.objects.visible_to(user), mn=mn) if mn else None
    keys = tuple(_keys(device)) if device is not None else ()
    results: dict[str, Any] = {}
    if form.is_bound and form.is_valid():
        found = trying.find_frames(trying.bytes_of(form.cleaned_data["frames"]))
        results = tried(found, [profile], timezone.now(), keys=keys)
    elif device is not None and not form.is_bound:
        results = tried(_last_frames(device), [profile], timezone.now(), keys=keys)
    context = {"row": described(profile), "form": form, "mn": mn, "device": device, **results}
    return render(request, "sensing/try.html", context, status=422 if form.is_bound and form.errors else 200)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def self_test(request: HttpRequest) -> HttpResponse:
    """What we make of somebody's frames, by one dialect or by the one that fits best. Open to anyone; keeps nothing."""
    at = timezone.now()
    if request.method != "POST":
        return render(request, "sensing/self_test.html", {"form": SelfTestForm()})
    form = SelfTestForm(request.POST)
    address = f"user:{request.user.pk}" if isinstance(request.user, User) else network_address(request)
    if not turns.take(address, at):
        form.add_error(None, _("Many frames came from your network. Wait a minute and try again."))
        return render(request, "sensing/self_test.html", {"form": form}, status=429)
    if not form.is_valid():
        return render(request, "sensing/self_test.html", {"form": form}, status=422)
    said = form.cleaned_data
    chosen = [row for row in profiles() if row.enabled and said["profile"] in ("", BEST, row.id)]
    found = trying.find_frames(trying.bytes_of(said["frames"]))
    results = tried(found, chosen, at, said["version"], said["key"])
    return render(request, "sensing/self_test.html", {"form": form, **results})


def tried(
    found: Found, chosen: Sequence[DeviceProfile], at: datetime, version: str = "", keys: Sequence[Key] = ()
) -> dict[str, Any]:
    """What pages show of frames that were tried; with several dialects, by the one that fits best."""
    zone = ZoneInfo(settings.TIME_ZONE)
    readers = [ProfileReader(profile, zone, shapes=False) for profile in chosen]
    fits = trying.rank(found.frames, readers, at, zone, keys) if len(readers) > 1 else []
    best = fits[0].profile if fits else chosen[0] if len(chosen) == 1 else profile_of("plain-2017", chosen)
    by = next(one for one in readers if one.profile == best)
    results = [trying.try_frame(frame, by, at, zone, version, keys) for frame in found.frames]
    return {
        "tried": [shown(one) for one in results],
        "sums": [(BECAME[kind], n) for kind, n in Counter(one.became for one in results).most_common()],
        "by": best,
        "fits": [{"profile": fit.profile, "fit": fit} for fit in fits],
        "found": found,
        "why_none": NO_FRAME.get(found.why, ""),
        "fit_columns": [
            {"label": label, "numeric": n > 0}
            for n, label in enumerate((_("Dialect"), _("Values"), _("Frames refused"), _("Odd"), _("Unknown words")))
        ],
        "value_columns": [{"label": label} for label in (_("Value"), _("As sent"), _("Understood as"), _("Mark"))],
    }


def profile_of(profile_id: str, among: Sequence[DeviceProfile]) -> DeviceProfile:
    """The dialect of this id, or the first."""
    return next((row for row in among if row.id == profile_id), among[0])


def shown(one: Tried) -> dict[str, Any]:
    """A frame as the pages show it: words for codes, bytes in pieces."""
    return {
        "raw": queries.readable(one.sent),
        "opened": queries.readable(one.frame.raw) if one.opened else [],
        "became": BECAME[one.became],
        "why": [why_words(code) for code in one.why.split()],
        "at": one.at,
        "checks": [(_("Length"), one.length), (_("Check value"), one.crc)],
        "fields": one.fields,
        "values": [
            {
                "label": COLUMNS[value.column],
                "channel": value.channel,
                "sent": value.sent,
                "text": value_text(value.value),
                "unit": trying.UNITS.get(value.column, "") if value.value is not None else "",
                "mark": MARKS.get(value.mark, value.mark),
            }
            for value in one.values
        ],
        "kept": list(one.kept.items()),
        "deviations": [DEVIATIONS[deviation] for deviation in one.deviations],
        "remarks": [REMARKS[code] for code in one.remarks],
        "corrected": queries.readable(one.corrected) if not (one.length.ok and one.crc.ok) else [],
    }


def why_words(code: str) -> Text:
    """A reason in words: `range:fume_mg_m3=900` with its value, the name of a deviation by its own words."""
    kind, _colon, rest = code.partition(":")
    if kind == "deviation" or kind in DEVIATIONS:
        return DEVIATIONS.get(rest or kind, rest)  # type: ignore[call-overload, no-any-return]  # a Deviation is a str
    column, equals, value = rest.partition("=")
    words = WHY.get(kind, kind)
    return f"{words} ({COLUMNS.get(column, column)}: {value})" if equals else words


def value_text(value: float | bool | None) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return "–" if value is None else f"{value:g}"


def described(profile: DeviceProfile) -> dict[str, Any]:
    """What a dialect says, for people."""
    return {
        "profile": profile,
        "factors": [
            {"label": COLUMNS[one.column], "place": place(one.code, one.suffixes, one.only), "one": one}
            for one in profile.factors
        ],
        "switches": [
            {"label": COLUMNS[one.column], "place": place(one.code, one.suffixes, one.only), "one": one}
            for one in profile.switches
        ],
        "checks": [
            DEVIATIONS[CRC_WAYS[one]] if one in CRC_WAYS else _("right by the standard") for one in profile.accepted_crc
        ],
        "tolerated": [DEVIATIONS[one] for one in profile.tolerated],
    }


def place(code: str, suffixes: tuple[str, ...], only: tuple[str, ...]) -> str:
    """`a34041-Rtd/Avg`, with the numbers of its channel."""
    named = "/".join(suffix for suffix in suffixes if suffix)
    numbered = f" (ID {', '.join(number or '–' for number in only)})" if only else ""
    return f"{code}-{named}{numbered}" if named else f"{code}{numbered}"


def _keys(device: Device) -> Iterator[Key]:
    """Those it may speak under, the newest first; one that cannot be read opens nothing."""
    for digits in filter(None, (device.secret, device.former_secret)):
        with suppress(KeyUnreadable):
            yield Key(digits)


def _last_frames(device: Device) -> Found:
    """The last frames of a device, newest first, odd ones among them."""
    frames = []
    for raw in queries.raw_bytes(device.pk, LAST_FRAMES):
        frames += trying.find_frames(raw).frames
    return Found(frames[:LAST_FRAMES], 0, 0, "")
