"""A voice note that comes with a find, a visit, a feedback, a part or a note: read from the request, held to be sound of a
minute at most, kept as a file of the issue.

Never decides who may hear it: `apps.ready()` tells `files` that, as of pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from lingxiu.files.actions import keeping_document
from lingxiu.files.voices import MOST_BYTES, VoiceRefused, content_type
from lingxiu.issues.lifecycle import Move

WITH_VOICE = frozenset({Move.HANDLE, Move.FEED_BACK, Move.CONTRIBUTE, Move.NOTE})
REFUSALS = {
    "too_large": _("This voice note is larger than 2 MB. A minute is enough; say the rest in a second note."),
    "too_long": _("This voice note is longer than a minute. Say it in a minute, or the rest in a second note."),
    "empty": _("Nothing was recorded. Record it again."),
    "not_audio": _("This file is no voice note. Record it with the button."),
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording as it came, known to be one."""

    data: bytes
    content_type: str
    sha256: str


def sent(request: HttpRequest, name: str) -> Voice | None:
    """The voice note of this form field, if there is one. Raises VoiceRefused."""
    file = request.FILES.get(name)
    if not isinstance(file, UploadedFile):
        return None
    data = file.read(MOST_BYTES + 1)
    return Voice(data, content_type(data), hashlib.sha256(data).hexdigest())


@contextmanager
def keeping(voice: Voice | None, *, at: datetime, by: int | None) -> Iterator[str]:
    """Keep it if the work within is not refused; gives its name, empty if there is none. Raises OSError: the disk is full."""
    if voice is None:
        yield ""
        return
    with keeping_document(voice.data, content_type=voice.content_type, stored_at=at, stored_by=by) as row:
        yield row.sha256


def refusal(error: VoiceRefused) -> str:
    """Why it was not taken in and what to do."""
    return str(REFUSALS[error.reason])
