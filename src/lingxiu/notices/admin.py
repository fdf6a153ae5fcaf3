"""`/admin/`: where people are reached. Whose 浙政钉 account is whose can be put right here; lists show no address."""

from __future__ import annotations

from django.contrib import admin

from lingxiu.accounts.admin import Journalled
from lingxiu.notices.models import Reach


@admin.register(Reach)
class ReachAdmin(Journalled[Reach]):
    """Addresses of people."""

    noun = "reach"
    fields = ("user", "way", "address")
    list_display = ("user", "way")
    list_filter = ("way",)
    search_fields = ("user__name", "user__username")
    autocomplete_fields = ("user",)
