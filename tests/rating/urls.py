"""The house's addresses with this room's, for as long as `config.urls` does not name it."""

from __future__ import annotations

from django.urls import include, path

from lingxiu.config.urls import handler403, handler404, handler500
from lingxiu.config.urls import urlpatterns as house

__all__ = ["handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("", include("lingxiu.rating.urls")), *house]
