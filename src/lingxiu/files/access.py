"""Who may see a file: any room whose subject uses it says so. A file nobody answers for is seen by its uploader alone."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from lingxiu.files.models import StoredFile

Answer = Callable[[HttpRequest, str], bool]
_answers: dict[str, Answer] = {}


def answers_for(subject_kind: str, answer: Answer) -> None:
    """A room registers, in its `ready()`, who may see the files of its kind of subject: `answer(request, subject_id)`."""
    _answers[subject_kind] = answer


def may_see(request: HttpRequest, file: StoredFile) -> bool:
    """Whether this reader may see this file."""
    if file.stored_by is not None and file.stored_by == request.user.pk:
        return True
    return any(
        _answers[use.subject_kind](request, use.subject_id) for use in file.uses.all() if use.subject_kind in _answers
    )
