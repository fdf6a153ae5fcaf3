"""Filters and tags of every template: catalogue labels in the reader's language, addresses, idempotency fields."""

from __future__ import annotations

import uuid
from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from lingxiu.policy.rows import Label
from lingxiu.ui import addresses

register = template.Library()


@register.filter
def label(value: Label) -> str:
    """A catalogue's label in the language of the page."""
    return value.text(get_language() or "zh-hans")


@register.filter
def issue_address(number: str) -> str:
    """Where an issue stands."""
    return addresses.issue(number)


@register.filter
def merchant_address(merchant_id: int) -> str:
    """Where a merchant's portrait stands."""
    return addresses.merchant(merchant_id)


@register.filter
def device_address(mn: str) -> str:
    """Where a device stands."""
    return addresses.device(mn)


@register.filter
def file_address(sha256: str) -> str:
    """Where a photo or a document lies."""
    return addresses.file(sha256)


@register.filter
def small_file_address(sha256: str) -> str:
    """Where the small version of a photo lies."""
    return addresses.small_file(sha256)


@register.filter
def iso(value: datetime) -> str:
    """A time as machines read it."""
    return value.isoformat()


@register.filter
def language_of(text: str) -> str:
    """The language tag of a text that people wrote: zh if any of it is."""
    return "zh" if any("\u4e00" <= sign <= "\u9fff" for sign in text) else "en"


@register.simple_tag
def submission() -> SafeString:
    """The hidden field that makes a form's write happen once, however often it is sent."""
    return format_html('<input type="hidden" name="submission" value="{}">', uuid.uuid4())
