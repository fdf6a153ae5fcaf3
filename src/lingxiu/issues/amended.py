"""What a correction changed, in words: kind and shop, as they were and as they are now. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from lingxiu.policy.schema.catalogues import Catalogues


def told_lines(data: Mapping[str, Any], catalogues: Catalogues, language: str) -> list[tuple[str, str]]:
    """Label and value of each, from what the move keeps."""
    known = {row.id: row.label.text(language) for row in catalogues.violations}
    lines = []
    if "violation" in data:
        lines.append((_("What it is about"), " → ".join(known.get(one, one) for one in data["violation"])))
    if "shops" in data:
        lines.append((_("Which shop it is"), " → ".join(data["shops"])))
    return lines
