"""检查笔录 on paper: what two officers checked, with their signatures and room for that of the inspected. PDF by Typst."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from lingxiu.accounts.models import User
from lingxiu.issues import inspections, signing
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.papers import MOST_PHOTOS, ON_PAPER, clock, drawn_of, photos_data, printed, typeset
from lingxiu.issues.signing import Hand
from lingxiu.journal.actions import record

Text = str | Promise


def inspection_pdf(made: Inspection, reader: User, *, at: datetime) -> bytes:
    """The record as it is handed to the shop; of one that both have not signed, a draft, which says so."""
    drawn = typeset("inspection", inspection_data(made, reader, at), drawn_of(made.photos[:MOST_PHOTOS]))
    with transaction.atomic():
        record(
            "inspection.printed", "inspection", made.pk, at=at, actor_id=reader.pk, scope=made.scope(),
            reference={"version": made.version},
        )  # fmt: skip
    return drawn


def inspection_data(made: Inspection, reader: User, at: datetime) -> dict[str, object]:
    """What stands on it. The same whoever prints it: it is the text both signed."""
    with override(ON_PAPER):
        return {
            "unit": made.unit.name,
            "standing": str(_standing(made)),
            "facts": [{"label": str(label), "value": value} for label, value in _facts(made) if value],
            "words": made.words,
            "photos": photos_data(drawn_of(made.photos[:MOST_PHOTOS])),
            "hands": _hands(made),
            "fingerprint": f"sha256:{made.text_sha256}" if made.version else "",
            "printed": printed(reader, at),
            "labels": {
                "title": _("Record of an inspection on site"), "record": _("What was seen and said"), "signatures": _("Signatures"),
                "opinion": _("What the inspected says of this record"), "party": _("Signature of the inspected"),
                "witness": _("Witness, where the inspected does not sign"), "date": _("Date"),
            },
        }  # fmt: skip


def _standing(made: Inspection) -> Text:
    if made.withdrawn_at is not None:
        return _("Withdrawn: it counts for nothing")
    return "" if made.is_final else _("A draft: not signed by both officers, without effect")


def _facts(made: Inspection) -> list[tuple[Text, str]]:
    shop, labels = made.merchant, inspections.item_labels()
    code = made.act_code or _("act code outstanding")
    return [
        (_("Act code"), f"{code}（{_('simulated')}）" if made.act_simulated else code),
        (_("Inspected shop"), shop.name),
        (_("Social credit code"), shop.uscc),
        (_("Number of its licence"), shop.licence_no),
        (_("Address"), shop.address),
        (_("Inspected from"), f"{clock(made.started_at)} — {clock(made.ended_at)}"),
        (_("Why"), " ".join(part for part in (str(made.get_why_display()), made.why_number) if part)),
        (_("What was checked"), "；".join(labels[item].zh if item in labels else item for item in made.items)),
        (_("What came of it"), str(made.get_outcome_display())),
        (_("Issue"), made.issue.number if made.issue else ""),
    ]


def _hands(made: Inspection) -> list[dict[str, str]]:
    """Both officers with the numbers of their certificates, and when each signed."""
    rows = zip(signing.hands(made), inspections.certificates_of(made), strict=True)
    return [{"name": hand.officer.name, "certificate": number, "said": _said(hand, made)} for hand, number in rows]


def _said(hand: Hand, made: Inspection) -> str:
    if hand.said is not None:
        return f"{hand.said.get_verdict_display()} {clock(hand.said.at)}"
    return _("not signed yet") if made.version else ""
