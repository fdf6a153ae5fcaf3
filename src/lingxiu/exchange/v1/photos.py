"""Pictures in: a picture is taken in first, re-encoded and stripped as on the pages, then named by a find or a move."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import File, Router
from ninja.files import UploadedFile
from ninja.responses import Status

from lingxiu.accounts.models import User
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, officer_of, once_each
from lingxiu.exchange.problems import Fault, Problem, wrong
from lingxiu.exchange.v1.shapes import PhotoOut
from lingxiu.files import actions as files
from lingxiu.files.actions import Shot, prepare_photo
from lingxiu.files.models import StoredFile
from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import pictures

router = Router(tags=["issues"])
WRITE = Needs(keys.ISSUES_WRITE)
MOST_BYTES = 30 * 1024 * 1024


@router.post("/photos", response={201: PhotoOut}, auth=WRITE, summary="A picture")
def post_photo(request: HttpRequest, photo: File[UploadedFile]) -> Status[Any]:
    """Take in a picture (multipart, JPEG, PNG or WebP, 30 MB at most). What its camera wrote into it is taken out, when and by
    whom it came is written into its pixels. Until a find or a move names it, nobody sees it."""
    user, now = officer_of(request), timezone.now()
    if (photo.size or 0) > MOST_BYTES:
        raise wrong("photo", photo.size, pictures.REFUSALS["too_large"])
    sent = hashlib.sha256()
    for chunk in photo.chunks():
        sent.update(chunk)
    photo.seek(0)
    try:
        prepared = prepare_photo(
            BytesIO(photo.read()), shot=Shot(), caption=pictures.caption(shop="", at=now, person=user.name)
        )
    except PhotoRefused as refused:
        raise wrong("photo", photo.name, pictures.REFUSALS[refused.reason]) from refused

    def do() -> Done:
        row = files.keep_photo(prepared, stored_at=now, stored_by=user.pk)
        kept = PhotoOut(photo=row.sha256, width_px=row.width_px or 0, height_px=row.height_px or 0)
        return Done(201, kept.model_dump(mode="json"))

    try:
        done = once_each(request, {"photo": sent.hexdigest()}, do)
    except OSError as error:
        raise Problem("not-kept", _("Our disk cannot take the picture now: send it again a little later.")) from error
    return Status(done.status, done.body)


def kept_by(user: User, photos: Sequence[str]) -> tuple[str, ...]:
    """These pictures, each of which this person sent in. Raises Problem: a name alone opens nobody else's picture."""
    own = set(
        StoredFile.objects.filter(sha256__in=photos, stored_by=user.pk, width_px__isnull=False).values_list(
            "sha256", flat=True
        )
    )
    strange = [name for name in photos if name not in own]
    if strange:
        mend = _("Send the picture first (POST /photos), with this key's person, and name it by the answer.")
        raise Problem("invalid", mend, tuple(Fault("photos", name, mend) for name in strange))
    return tuple(dict.fromkeys(photos))
