"""What a person chooses: for what, by which ways, when, how often."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.connectors.robots import is_robot
from lingxiu.notices.actions import Wishes, manner_of
from lingxiu.notices.models import Choice, WayChoice
from lingxiu.notices.reaching import addresses_of, ways_set_up
from lingxiu.notices.telling import MESSAGES, Chosen, Way
from lingxiu.policy.schema.notices import Notices, NoticeTopic

DIGEST = "digest"
NOT_OFFICERS = frozenset({"shop"})
MOST = 60


def topics_of(user: User, catalogue: Notices) -> list[NoticeTopic]:
    """The topics this kind of person is told of."""
    officer = user.authority.is_officer
    return [topic for topic in catalogue.topics if (topic.id in NOT_OFFICERS) != officer]


class SettingsForm(forms.Form):
    """One field a topic, then the hours, then the addresses of what needs one."""

    quiet_from = forms.TimeField(label=_("Quiet from"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_until = forms.TimeField(
        label=_("Quiet until"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    most_an_hour = forms.IntegerField(
        label=_("Messages an hour at most, by each way"),
        min_value=1,
        max_value=MOST,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "class": "short"}),
    )
    email = forms.EmailField(label=_("E-mail address"), required=False, max_length=120)
    robot = forms.CharField(
        label=_("Robot of a group chat"),
        required=False,
        max_length=200,
        help_text=_(
            "As Apprise writes it: dingtalk://…, wecombot://… or feishu://…. Its whole group reads what it says."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, user: User, catalogue: Notices, data: Any = None) -> None:
        self.topics = topics_of(user, catalogue)
        self.ways = [way for way in MESSAGES if way in ways_set_up()]
        officer = user.authority.is_officer
        super().__init__(data, initial=_present(user, catalogue, self.topics))
        if Way.EMAIL not in self.ways:
            del self.fields["email"]
        if not officer:  # a group of strangers learns nothing of a shop
            self.ways = [way for way in self.ways if way not in (Way.ROBOT, Way.ZHEZHENGDING)]
            del self.fields["robot"]
        for topic in self.topics:
            self.fields[f"topic_{topic.id}"] = forms.MultipleChoiceField(
                label=topic.label.text(get_language() or "zh-hans"),
                help_text=topic.help.text(get_language() or "zh-hans"),
                choices=[
                    *((way.value, WayChoice(way.value).label) for way in self.ways),
                    (DIGEST, _("only in the morning")),
                ],
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def topic_fields(self) -> list[forms.BoundField]:
        """The fields of the topics, in order."""
        return [self[f"topic_{topic.id}"] for topic in self.topics]

    @property
    def address_fields(self) -> list[forms.BoundField]:
        """The fields of addresses, as far as there are such."""
        return [self[name] for name in ("email", "robot") if name in self.fields]

    def clean_robot(self) -> str:
        address: str = self.cleaned_data["robot"].strip()
        if address and not is_robot(address):
            raise forms.ValidationError(
                _(
                    "This is no address of a robot; one begins with dingtalk://, wecombot:// or feishu:// and has its token."
                )
            )
        return address

    def wishes(self) -> Wishes:
        """What was chosen."""
        given = self.cleaned_data
        return Wishes(
            {topic.id: _chosen(given[f"topic_{topic.id}"]) for topic in self.topics},
            given["quiet_from"],
            given["quiet_until"],
            given["most_an_hour"],
            {name: given[name].strip() for name in ("email", "robot") if name in self.fields},
        )


def _chosen(values: list[str]) -> Chosen:
    return Chosen(frozenset(Way(value) for value in values if value != DIGEST), DIGEST in values)


def _present(user: User, catalogue: Notices, topics: list[NoticeTopic]) -> dict[str, object]:
    """As it is now: chosen, or what policy does for whoever did not choose."""
    manner, known = manner_of(user, catalogue), addresses_of(user)
    rows = {row.topic: [*row.ways, *([DIGEST] if row.digest else [])] for row in Choice.objects.filter(user=user)}
    usual = {topic.id: _usual(catalogue, topic) for topic in topics}
    return {
        "quiet_from": manner.quiet_from,
        "quiet_until": manner.quiet_until,
        "most_an_hour": manner.most_an_hour,
        "email": known.get(Way.EMAIL, ""),
        "robot": known.get(Way.ROBOT, ""),
        **{f"topic_{topic.id}": rows.get(topic.id, usual[topic.id]) for topic in topics},
    }


def _usual(catalogue: Notices, topic: NoticeTopic) -> list[str]:
    """The ways of the topic's rules; what is urgent brings its own, chosen or not."""
    rules = [rule for rule in catalogue.rules if rule.topic == topic.id and not rule.urgent]
    return sorted({way for rule in rules for way in rule.ways})
