"""What the frame of every page says of notices: how many are unread. Asked only where a page draws it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest

from lingxiu.accounts.models import User
from lingxiu.notices.queries import unread


def unread_notices(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `unread_notices`, a function templates call; none for strangers, 0 where all is read."""
    user = getattr(request, "user", None)
    return {"unread_notices": cache(lambda: unread(user))} if isinstance(user, User) else {}
