"""What strangers put where a code's token belongs."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize("token", ["%00", "x%00y", "%ff", "a" * 300, "..%2f..", "'%20or%201=1", "<script>"])
def test_anything_but_a_token_is_not_found(client: Client, db: None, token: str) -> None:
    assert client.get(f"/m/{token}").status_code == 404
