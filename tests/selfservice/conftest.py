"""Pages are rendered without collecting static files first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def static_files_as_they_lie(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    settings.STATIC_ROOT = tmp_path / "static"
    storages = dict(settings.STORAGES)
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = storages
