"""For operators and their machines: is it alive, can it serve, what does it count. Numbers only, nothing personal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import DatabaseError
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from lingxiu.issues.models import Issue
from lingxiu.journal.queries import horizon_age_seconds
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import NoPolicy, in_force
from lingxiu.sensing.models import Alarm, Device, Process

LONGEST_HORIZON_SECONDS = 30
F = TypeVar("F", GaugeMetricFamily, CounterMetricFamily)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The process can serve: database there, policy loaded, journal not held back. 503 with the reason otherwise."""
    try:
        edition = in_force().id
        horizon = horizon_age_seconds()
    except NoPolicy:
        return JsonResponse({"ready": False, "why": "no policy edition: lingxiu policy load"}, status=503)
    except DatabaseError:
        return JsonResponse({"ready": False, "why": "the database does not answer"}, status=503)
    facts = {"edition": edition, "horizon_seconds": round(horizon, 1)}
    if horizon > LONGEST_HORIZON_SECONDS:
        why = "a transaction has been open too long: live pages and follow-up work wait for it"
        return JsonResponse({"ready": False, "why": why, **facts}, status=503)
    return JsonResponse({"ready": True, **facts})


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Counts of the whole installation, from the database, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Installation())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Installation(Collector):
    """The contract's metrics, each by one count in the database."""

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("lingxiu_merchants", "Merchants with a dossier.", value=Merchant.objects.count())
        installed = Device.objects.exclude(state="retired").values_list("merchant__standing__device_state")
        yield _by_label(GaugeMetricFamily("lingxiu_devices", "Devices by state.", labels=["state"]), installed)
        states = Issue.objects.values_list("state")
        yield _by_label(GaugeMetricFamily("lingxiu_issues", "Issues by state.", labels=["state"]), states)
        codes = Alarm.objects.values_list("code")
        yield _by_label(CounterMetricFamily("lingxiu_alarms", "Alarms ever raised, by code.", labels=["code"]), codes)
        counted = Process.objects.aggregate(frames=Sum("frames"), readings=Sum("readings"))
        yield CounterMetricFamily("lingxiu_frames", "Frames the gateways took.", value=counted["frames"] or 0)
        yield CounterMetricFamily("lingxiu_readings", "Readings stored.", value=counted["readings"] or 0)


def _by_label(family: F, rows: QuerySet[Any, tuple[Any, ...]]) -> F:
    """The family with one number a label: how many rows have it."""
    for label, count in rows.order_by().annotate(Count("pk")):
        family.add_metric([str(label)], count)
    return family
