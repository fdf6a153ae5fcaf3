"""A file for those who may see it; for all others it does not exist."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from lingxiu.files.access import may_see
from lingxiu.files.models import StoredFile


@require_safe
def show_file(request: HttpRequest, sha256: str, small: bool = False) -> FileResponse:
    """The bytes, never guessed at by the browser, kept only by the reader's own cache."""
    file = StoredFile.objects.prefetch_related("uses").filter(sha256=sha256).first()
    if file is None or not may_see(request, file):
        raise Http404
    path = file.small_path if small and file.small_path.exists() else file.path
    if not path.exists():
        raise Http404
    response = FileResponse(path.open("rb"), content_type=file.content_type)
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
