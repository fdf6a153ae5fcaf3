"""An upload that remembers whether it was read while a transaction was open."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import connection

HANDLER = "tests.watched.Handler"
"""For `settings.FILE_UPLOAD_HANDLERS`."""


class Watched(SimpleUploadedFile):
    """A file whose every reading is noted."""

    read_in_transaction: ClassVar[list[bool]] = []

    def read(self, *args: Any) -> bytes:
        Watched.read_in_transaction.append(connection.in_atomic_block)
        return super().read(*args)  # type: ignore[no-any-return]  # of the file underneath


class Handler(FileUploadHandler):
    """Makes every upload a watched one."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.pieces: list[bytes] = []

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.pieces.append(raw_data)

    def file_complete(self, file_size: int) -> Watched:
        return Watched(self.file_name or "", b"".join(self.pieces), self.content_type or "")
