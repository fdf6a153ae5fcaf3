"""Who has an issue, in one line, as lists and sheets name them: unit, person, and for whom that person stands in (代)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from lingxiu.issues.models import Assignment, Issue


def stood_in_for(issues: Collection[Issue] | None = None) -> dict[int, str]:
    """Id of an issue → the name of whoever is away, where its holder stands in for them. Of all there are, if none are given.

    One query; none where nobody is named.
    """
    leads = Assignment.objects.filter(part=Assignment.Part.LEAD, ended_at=None, deputy_for__isnull=False)
    if issues is not None:
        named = [issue.pk for issue in issues if issue.lead_person_id is not None]
        if not named:
            return {}
        leads = leads.filter(issue__in=named)
    return dict(leads.values_list("issue_id", "deputy_for__name"))


def holder(issue: Issue, away: Mapping[int, str]) -> str:
    """The line. `away`: as `stood_in_for` says."""
    line = " · ".join(one.name for one in (issue.lead_unit, issue.lead_person) if one)
    if issue.lead_person_id is None or issue.pk not in away:
        return line
    return f"{line}（{_('for %(name)s') % {'name': away[issue.pk]}}）"
