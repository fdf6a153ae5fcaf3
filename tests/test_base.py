"""The wiring: settings load, migrations are complete and linear, the shipped policy is in force."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from lingxiu.policy.queries import in_force
from tests.cast import Cast


def test_models_and_migrations_agree(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_shipped_policy_is_in_force(db: None) -> None:
    assert in_force().catalogues.violation("L-FUME").kind == "lead"


def test_configuration_passes_djangos_own_checks(db: None) -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_dates_look_the_same_in_both_languages(language: str) -> None:
    from datetime import UTC, datetime

    from django.utils import formats, translation

    with translation.override(language):
        assert formats.localize(datetime(2026, 3, 5, 14, 20, tzinfo=UTC)) == "2026-03-05 14:20"


def test_everybody_sees_as_far_as_their_role(cast: Cast) -> None:
    from lingxiu.merchants.models import Merchant

    seen = {role: Merchant.objects.visible_to(user).count() for role, user in cast.by_role.items()}
    assert seen == {
        "system_administrator": 2,
        "county_officer": 2,
        "leader": 2,
        "department_officer": 2,
        "town_dispatcher": 1,
        "town_officer": 1,
        "grid_member": 1,
        "assessor": 2,
        "owner": 1,
        "cleaning_company": 1,
        "waste_hauler": 1,
    }
