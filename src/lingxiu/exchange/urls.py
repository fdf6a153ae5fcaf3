"""Addresses of the exchange room."""

from __future__ import annotations

from django.urls import include, path

from lingxiu.exchange.hotline import views as hotline
from lingxiu.exchange.open311 import views as open311
from lingxiu.exchange.v1 import api

app_name = "exchange"

urlpatterns = [
    path("exchange/12345/", hotline.orders, name="orders"),
    path("exchange/12345/answers.xlsx", hotline.answers, name="answers"),
    path("open311/v2/discovery.<str:kind>", open311.discovery, name="open311-discovery"),
    path("open311/v2/services.<str:kind>", open311.services, name="open311-services"),
    path("open311/v2/services/<str:code>.<str:kind>", open311.definition, name="open311-definition"),
    path("open311/v2/requests.<str:kind>", open311.requests, name="open311-requests"),
    path("open311/v2/requests/<str:token>.<str:kind>", open311.one, name="open311-request"),
    path("open311/v2/tokens/<str:token>.<str:kind>", open311.token, name="open311-token"),
    path("api/v1/", include(api.urlpatterns)),
]
