"""Django's back doors: what import-linter cannot see. Foreign keys, migrations, templates point down the house only."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps
from django.db import models

SOURCE = Path(__file__).resolve().parents[1] / "src" / "lingxiu"
FROM_ROOF_TO_FLOOR = [
    "portal",
    "exchange",
    "notices",
    "rating",
    "selfservice",
    "sensing",
    "issues",
    "merchants",
    "territory",
    "accounts",
]
FLOOR = {"journal", "files", "policy", "privacy", "ui", "connectors", "china"}


def height(room: str) -> int:
    """How high a room stands; the floor is 0."""
    return 0 if room in FLOOR else len(FROM_ROOF_TO_FLOOR) - FROM_ROOF_TO_FLOOR.index(room)


def ours() -> list[type[models.Model]]:
    """Every model of the house."""
    return [model for model in apps.get_models() if model.__module__.startswith("lingxiu.")]


def test_foreign_keys_point_down_and_leave_no_name_behind_upstairs() -> None:
    wrong = []
    for model in ours():
        for field in model._meta.get_fields():
            if not isinstance(field, models.ForeignKey) or not field.related_model.__module__.startswith("lingxiu."):
                continue
            room, below = model._meta.app_label, field.related_model._meta.app_label
            if room == below:
                continue
            hidden = (field.remote_field.related_name or "").endswith("+")
            if height(below) > height(room) or not hidden:
                wrong.append(f"{model.__name__}.{field.name} → {field.related_model.__name__}")
    assert wrong == []


def test_migrations_depend_only_on_rooms_below() -> None:
    wrong = []
    for path in SOURCE.glob("*/migrations/0*.py"):
        room = path.parent.parent.name
        for below in re.findall(r'\(\s*"(\w+)",\s*"\d{4}_', path.read_text()):
            known = below in FROM_ROOF_TO_FLOOR or below in FLOOR
            if known and below != room and height(below) >= height(room):
                wrong.append(f"{path.name} of {room} waits for {below}")
    assert wrong == []


def test_migrations_are_one_line_a_room() -> None:
    for folder in SOURCE.glob("*/migrations"):
        numbers = [path.name[:4] for path in sorted(folder.glob("0*.py"))]
        assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)], folder


def test_templates_include_and_extend_only_what_stands_below() -> None:
    owners = {
        path.relative_to(folder).as_posix(): room.name
        for room in SOURCE.iterdir()
        if (folder := room / "templates").is_dir()
        for path in folder.rglob("*.html")
    }
    wrong = [
        f"{name} of {room} uses {other} of {owners[other]}"
        for name, room in owners.items()
        for other in re.findall(
            r'{%\s*(?:include|extends)\s+"([^"]+)"', (SOURCE / room / "templates" / name).read_text()
        )
        if other in owners and owners[other] != room and height(owners[other]) >= height(room)
    ]
    assert wrong == []


def test_templates_name_only_addresses_of_rooms_below() -> None:
    wrong = [
        f"{path.name} of {room.name} points to {named}"
        for room in SOURCE.iterdir()
        for path in (room / "templates").rglob("*.html")
        for named in re.findall(r"{%\s*url\s+['\"](\w+):", path.read_text())
        if named in FROM_ROOF_TO_FLOOR and named != room.name and height(named) >= height(room.name)
    ]
    assert wrong == []
