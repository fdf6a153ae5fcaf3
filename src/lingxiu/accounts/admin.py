"""`/admin/`: units, people and posts, for those who may manage accounts. Every change leaves a journal entry; nothing is deleted."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.admin import TOTPDevice  # registers it, so that it can be taken off below

from lingxiu.accounts.actions import WrongUnit, require_unit_kind
from lingxiu.accounts.forms import WRONG_PHONE
from lingxiu.accounts.middleware import owes_second_factor
from lingxiu.accounts.models import Post, Unit, UnitKind, User
from lingxiu.china.identifiers import IdentifierError, normalise_mobile
from lingxiu.journal.actions import Scope, record
from lingxiu.policy.queries import in_force
from lingxiu.privacy.masks import mask_phone

M = TypeVar("M", bound=models.Model)

# Rights follow from posts, not groups; the secrets of second factors are nobody's to read.
admin.site.unregister(Group)
admin.site.unregister(TOTPDevice)
admin.site.site_header = admin.site.site_title = _("Lingxiu: administration")


def may_administer(request: HttpRequest) -> bool:
    """Whether this person may open `/admin/` now: after their second factor where one is asked for."""
    user = request.user
    return isinstance(user, User) and user.administers and not owes_second_factor(user)


admin.site.has_permission = may_administer  # type: ignore[method-assign]  # the site is Django's, who may is ours


class Journalled(admin.ModelAdmin[M]):
    """Open to whoever may administer; each change is told in the journal, by the names of the fields it touched."""

    noun: ClassVar[str]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_administer(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_administer(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_administer(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_administer(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        self._tell(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        self._tell(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def scope(self, obj: Any) -> Scope:
        """Whom a change concerns."""
        return Scope()

    def _tell(self, request: HttpRequest, obj: models.Model, what: str, message: Any) -> None:
        with transaction.atomic():
            record(
                f"{self.noun}.{what}",
                self.noun,
                obj.pk,
                at=timezone.now(),
                actor_id=request.user.pk,
                scope=self.scope(obj),
                reference={"fields": _fields(message)},
            )


def _fields(message: Any) -> list[str]:
    """The names in Django's own account of a change, which is a list of what was done to which fields."""
    parts = message if isinstance(message, list) else []
    return sorted({name for part in parts for done in part.values() for name in done.get("fields", [])})


@admin.register(Unit)
class UnitAdmin(Journalled[Unit]):
    """The tree of units."""

    noun = "unit"
    list_display = ("code", "name", "kind", "parent", "active")
    list_filter = ("kind", "active", "town")
    search_fields = ("code", "name")
    autocomplete_fields = ("parent",)
    list_select_related = ("parent",)

    def scope(self, obj: Unit) -> Scope:
        return Scope(town=obj.town, grid=obj.grid, unit_id=obj.pk)


class PhoneChecked(forms.ModelForm[User]):
    """A phone in one spelling: it is found by its blind index, which knows only that. Left empty, the one known stays."""

    phone = forms.CharField(label=_("mobile number"), max_length=30, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["phone"] = ""
        self.fields["phone"].widget.attrs["placeholder"] = mask_phone(self.instance.phone)

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"])
        try:
            return normalise_mobile(phone) if phone else self.instance.phone
        except IdentifierError as error:
            raise forms.ValidationError(WRONG_PHONE, params={"found": error.value}) from error


class PersonForm(PhoneChecked, UserChangeForm[User]):
    """A person who is there."""


class NewPersonForm(PhoneChecked, AdminUserCreationForm[User]):
    """A person to be."""


@admin.register(User)
class PersonAdmin(Journalled[User], UserAdmin[User]):
    """People. A password given by the administrator must be changed by the person at the next sign-in."""

    noun = "user"
    form = PersonForm
    add_form = NewPersonForm
    list_display = ("username", "name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "posts__role", "is_superuser")
    search_fields = ("username", "name")
    filter_horizontal = ()
    ordering = ("username",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "must_change_password")}),
        (_("Person"), {"fields": ("name", "phone", "elder_size")}),
        (_("Access"), {"fields": ("is_active", "is_superuser", "last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "name", "phone", "usable_password", "password1", "password2")}),)
    actions = ("forget_second_factor",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only a superuser makes superusers."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else (*fixed, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A superuser is changed by superusers only: whoever sets a password can sign in with it."""
        safe = not isinstance(obj, User) or not obj.is_superuser or bool(request.user.is_superuser)
        return safe and may_administer(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.must_change_password = obj.has_usable_password()
        super().save_model(request, obj, form, change)

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's page to set somebody's password; then it is theirs to change."""
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            User.objects.filter(pk=id).update(must_change_password=True)
        return response

    @admin.action(description=_("Forget the second factor: it is set up anew at the next sign-in"))
    @transaction.atomic
    def forget_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For a lost phone."""
        people = [person for person in queryset if self.has_change_permission(request, person)]
        for person in people:
            TOTPDevice.objects.filter(user=person).delete()
            record("user.second_factor_forgotten", "user", person.pk, at=timezone.now(), actor_id=request.user.pk)
        words = ngettext("%d person sets it up anew.", "%d people set it up anew.", len(people))
        self.message_user(request, words % len(people), messages.SUCCESS)


def _roles() -> list[tuple[str, str]]:
    language = get_language() or "zh-hans"
    return [(role.id, role.label.text(language)) for role in in_force().catalogues.roles]


class PostForm(forms.ModelForm[Post]):
    """A post: its role is one of the policy's, its unit of a kind the role can be held at."""

    role = forms.ChoiceField(label=_("role"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = _roles()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        role, unit = cleaned.get("role"), cleaned.get("unit")
        if not role or unit is None:
            return cleaned
        try:
            require_unit_kind(role, unit.kind)
        except WrongUnit as error:
            allowed = ", ".join(str(UnitKind(kind).label) for kind in error.allowed)
            self.add_error(
                "unit",
                forms.ValidationError(
                    _("%(unit)s is a %(kind)s; this role is held at: %(allowed)s. Choose such a unit."),
                    params={"unit": unit, "kind": unit.get_kind_display(), "allowed": allowed},
                ),
            )
        return cleaned


@admin.register(Post)
class PostAdmin(Journalled[Post]):
    """Who holds what, where, since when. A hand-over ends one post and begins another."""

    noun = "post"
    form = PostForm
    list_display = ("user", "role_label", "unit", "since", "until", "primary")
    list_filter = ("role", ("until", admin.EmptyFieldListFilter), "unit__kind")
    search_fields = ("user__name", "user__username", "unit__name", "unit__code")
    autocomplete_fields = ("user", "unit")
    list_select_related = ("user", "unit")

    @admin.display(description=_("role"), ordering="role")
    def role_label(self, post: Post) -> str:
        """The role as policy calls it."""
        return dict(_roles()).get(post.role, post.role)

    def scope(self, obj: Post) -> Scope:
        return Scope(town=obj.unit.town, grid=obj.unit.grid, unit_id=obj.unit_id)
