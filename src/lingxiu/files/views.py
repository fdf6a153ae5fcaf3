"""A file for those who may see it; for all others it does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from lingxiu.files.access import may_see
from lingxiu.files.models import StoredFile

PART = re.compile(r"bytes=(\d{1,12})-(\d{0,12})$", re.ASCII)


@require_safe
def show_file(request: HttpRequest, sha256: str, small: bool = False) -> HttpResponse | FileResponse:
    """The bytes, never guessed at by the browser, kept only by the reader's own cache."""
    file = StoredFile.objects.prefetch_related("uses").filter(sha256=sha256).first()
    if file is None or not may_see(request, file):
        raise Http404
    path = file.small_path if small and file.small_path.exists() else file.path
    if not path.exists():
        raise Http404
    asked = PART.match(request.headers.get("Range", "")) if file.content_type.startswith("audio/") else None
    if asked:
        response: HttpResponse | FileResponse = _part(path, file.content_type, int(asked[1]), asked[2])
    else:
        response = FileResponse(path.open("rb"), content_type=file.content_type)
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _part(path: Path, content_type: str, first: int, last: str) -> HttpResponse:
    """A piece of a sound, RFC 9110 §14: Safari plays nothing from a server that does not cut."""
    size = path.stat().st_size
    end = min(int(last) if last else size - 1, size - 1)
    if first > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    with path.open("rb") as file:
        file.seek(first)
        piece = file.read(end - first + 1)
    headers = {"Content-Range": f"bytes {first}-{end}/{size}", "Accept-Ranges": "bytes"}
    return HttpResponse(piece, status=206, content_type=content_type, headers=headers)
