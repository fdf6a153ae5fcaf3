"""Another system, with its key."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from PIL import Image

from lingxiu.accounts.models import User
from lingxiu.exchange.keys import new_key
from lingxiu.exchange.models import Key
from tests.cast import NOON


@dataclass(frozen=True)
class System:
    """Another system: what it asks carries its key, and speaks English."""

    key: Key
    secret: str

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._client().get(path, query)  # type: ignore[return-value]  # Django's test response

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self._client(**headers).post(path, json.dumps(body), content_type="application/json")  # type: ignore[return-value]  # the same

    def patch(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self._client(**headers).patch(path, json.dumps(body), content_type="application/json")  # type: ignore[return-value]  # the same

    def upload(self, path: str, content: bytes, *, name: str = "photo", **headers: str) -> HttpResponse:
        return self._client(**headers).post(path, {name: SimpleUploadedFile("kitchen.jpg", content)})  # type: ignore[return-value]  # the same

    def _client(self, **headers: str) -> Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(headers={"authorization": f"Bearer {self.secret}", "accept-language": "en", **named})


def a_picture(seed: int = 0) -> bytes:
    """A picture as a phone sends it, with a position in its metadata."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "SECRET-POSITION"
    Image.new("RGB", (80, 60), (seed % 256, 90, 60)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def system(user: User, *scopes: str, **values: Any) -> System:
    """A system that acts as this person, for these scopes."""
    key, secret = new_key("四平台", user, scopes, at=NOON, **values)
    return System(key, secret)


def fields_at_fault(answer: HttpResponse) -> list[str]:
    """The fields a problem names."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()  # type: ignore[attr-defined]  # Django's test response
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == answer.status_code
    for fault in body["errors"]:
        assert set(fault) == {"field", "value", "mend"}
        assert fault["mend"]
    return [fault["field"] for fault in body["errors"]]


REPORT: dict[str, Any] = {
    "source": "12345",
    "own_number": "JX202603050001",
    "violation": "P-SMOKE",
    "words": "楼下饭店油烟直排，晚上十点半最严重",
    "seen_at": "2026-03-04T22:40:00+08:00",
    "place": "人民大道8号后门",
    "town": "330421001",
    "name": "王小明",
    "phone": "13900001234",
}
