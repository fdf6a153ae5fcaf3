"""What every template may know of the installation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> dict[str, Any]:
    """`demo`: the data are synthetic and every page says so."""
    return {"demo": settings.DEMO}
