"""Robots of group chats: DingTalk, WeCom, Feishu, by Apprise. What a robot says, its whole group reads.

Only these three of Apprise's services, whose hosts it knows itself: an address typed by a person never leads into our own network.
"""

from __future__ import annotations

from apprise.plugins.base import NotifyBase
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from lingxiu.connectors.http import Refused, Unreachable

# Taken one by one: `apprise.Apprise` would load every service it has into every process.
_KINDS: dict[str, type[NotifyBase]] = {"dingtalk": NotifyDingTalk, "wecombot": NotifyWeComBot, "feishu": NotifyFeishu}


def is_robot(url: str) -> bool:
    """Whether this is the address of a robot (`dingtalk://token`, `wecombot://key`, `feishu://token`)."""
    return _robot(url) is not None


def say(url: str, text: str) -> None:
    """Let the robot of this address say it. Raises Unreachable, Refused."""
    robot = _robot(url)
    if robot is None:
        raise Refused("this is no address of a robot")
    # Apprise tells what went wrong to its log alone, where the address would be written out.
    if not robot.notify(body=text):
        raise Unreachable(f"the {robot.secure_protocol} robot did not take it")


def _robot(url: str) -> NotifyBase | None:
    kind = _KINDS.get(url.partition("://")[0])
    parts = kind.parse_url(url) if kind and "://" in url else None
    try:
        return kind(**parts) if kind and parts else None
    except TypeError:  # how it says that a token is missing or malformed
        return None
