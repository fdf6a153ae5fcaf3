"""Text messages, e-mail and robots of groups, each against something that really takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from django.core import mail

from lingxiu.accounts.actions import ask_for_code, gateway
from lingxiu.connectors import robots
from lingxiu.connectors.http import Refused, Unreachable, call
from lingxiu.connectors.sms import HttpGateway, Nowhere, gateway_of
from lingxiu.notices.actions import reach
from lingxiu.notices.models import Delivery
from lingxiu.notices.reaching import reached_by, ways_set_up
from lingxiu.notices.sending import send_due
from lingxiu.notices.telling import Way
from tests.cast import NOON, Cast
from tests.notices.others import Phone, Server
from tests.notices.world import states, waiting


def test_a_text_message_is_handed_over_once(phone: Phone) -> None:
    for _ in range(2):
        HttpGateway(f"{phone.url}/send", phone.token).send("13800000001", "你好", at=NOON)
    [said] = phone.messages.values()
    assert (said["phone"], said["text"], said["at"]) == ("13800000001", "你好", NOON.isoformat())


def test_a_gateway_that_says_no_is_refused_and_one_that_is_not_there_unreachable(phone: Phone) -> None:
    with pytest.raises(Refused, match="401"):
        HttpGateway(f"{phone.url}/send", "wrong").send("13800000001", "x", at=NOON)
    with pytest.raises(Unreachable):
        HttpGateway("http://127.0.0.1:9/send", "x").send("13800000001", "x", at=NOON)


def test_a_redirect_is_not_followed() -> None:
    class Elsewhere(Server):
        def answer(self, *_: Any) -> tuple[int, dict[str, Any]]:
            return 302, {}

    with Elsewhere() as other, pytest.raises(Refused, match="302"):
        call("GET", other.url, headers={})


def test_without_an_address_there_is_no_gateway(settings: Any) -> None:
    assert isinstance(gateway_of("", ""), Nowhere)
    assert isinstance(gateway(), Nowhere)
    settings.SMS_URL = "https://sms.example/send"
    assert gateway() == HttpGateway("https://sms.example/send", settings.SMS_TOKEN)


def test_sign_in_codes_go_by_the_same_gateway_and_its_failing_is_told_to_nobody(cast: Cast, phone: Phone) -> None:

    ask_for_code(cast.owner.phone, address="10.0.0.1", at=NOON)
    assert len(phone.messages) == 1
    phone.broken = 1
    ask_for_code(cast.stranger_owner.phone, address="10.0.0.2", at=NOON)
    assert len(phone.messages) == 1


def test_an_email_has_the_messages_id_and_a_link_of_ones_own(cast: Cast, settings: Any) -> None:
    settings.MAIL_FROM = "lingxiu@jiashan.example"
    reach(cast.dispatcher, "email", "duty@jiashan.example")
    [row] = waiting(cast.dispatcher, "email")
    assert send_due(NOON) == 1
    row.refresh_from_db()
    [sent] = mail.outbox
    assert sent.to == ["duty@jiashan.example"]
    assert sent.extra_headers == {"Message-ID": f"<{row.message}@jiashan.example>"}
    assert "/n/" in sent.body
    assert "失联" in sent.subject


def test_a_mail_server_that_is_not_there_is_tried_again(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.MAIL_FROM = "127.0.0.1", 9, "a@b.example"
    reach(cast.dispatcher, "email", "duty@jiashan.example")
    waiting(cast.dispatcher, "email")
    assert send_due(NOON) == 0
    assert Delivery.objects.get().error.startswith("the mail server did not take it")


TOKEN = "dingtalk://a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4"


class Group(Server):
    """DingTalk's side of a group's robot."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        self.said.append(json.loads(body)["text"]["content"])
        return 200, {"errcode": 0}


def test_a_robot_says_it_with_a_link_that_is_everybodys(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with Group() as group:
        monkeypatch.setattr(NotifyDingTalk, "notify_url", group.url + "/{token}")
        reach(cast.dispatcher, "robot", TOKEN)
        waiting(cast.dispatcher, "robot", count=2)
        assert send_due(NOON) == 1
        assert len(group.said) == 1
        assert group.said[0].endswith("/notices/")
        assert "/n/" not in group.said[0]
        group.broken = 5
        waiting(cast.dispatcher, "robot")
        assert send_due(NOON) == 0
    assert states(cast.dispatcher, "robot") == ["sent", "sent", "waiting"]


@pytest.mark.parametrize(
    ("address", "good"),
    [
        (TOKEN, True),
        ("wecombot://a1b2c3d4-e5f6-a1b2-c3d4-e5f6a1b2c3d4", True),
        ("feishu://a1b2c3d4e5f6", True),
        ("json://127.0.0.1:5432", False),
        ("http://10.0.0.1/", False),
        ("file:///etc/passwd", False),
        ("dingtalk://", False),
        ("dingtalk", False),
        ("", False),
    ],
)
def test_only_robots_of_known_services_are_taken(address: str, good: bool) -> None:
    assert robots.is_robot(address) is good


def test_a_person_is_reached_where_there_is_a_way_and_an_address(cast: Cast, settings: Any, phone: Phone) -> None:
    assert ways_set_up() == [Way.SMS, Way.ROBOT]
    assert reached_by(cast.owner) == [Way.SMS]
    assert reached_by(cast.dispatcher) == []
    reach(cast.dispatcher, "email", "a@b.example")
    assert reached_by(cast.dispatcher) == [], "no mail server"
    settings.MAIL_FROM = "x@b.example"
    assert reached_by(cast.dispatcher) == [Way.EMAIL]
    reach(cast.dispatcher, "email", "")
    assert reached_by(cast.dispatcher) == []
