"""For operators and their machines: is it alive, can it serve, what does it count. Numbers only, nothing personal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from lingxiu.journal.queries import horizon_age_seconds
from lingxiu.policy.queries import NoPolicy, in_force

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
        yield GaugeMetricFamily(
            "lingxiu_merchants", "Merchants with a dossier.", value=_number("SELECT count(*) FROM merchants_merchant")
        )
        yield _by_label(
            GaugeMetricFamily("lingxiu_devices", "Devices by state.", labels=["state"]),
            "SELECT s.device_state, count(*) FROM sensing_device d JOIN merchants_standing s USING (merchant_id)"
            " WHERE d.state <> 'retired' GROUP BY 1",
        )
        yield _by_label(
            GaugeMetricFamily("lingxiu_issues", "Issues by state.", labels=["state"]),
            "SELECT state, count(*) FROM issues_issue GROUP BY 1",
        )
        yield _by_label(
            CounterMetricFamily("lingxiu_alarms", "Alarms ever raised, by code.", labels=["code"]),
            "SELECT code, count(*) FROM sensing_alarm GROUP BY 1",
        )
        for name, column, words in (
            ("lingxiu_frames", "frames", "Frames the gateways took."),
            ("lingxiu_readings", "readings", "Readings stored."),
        ):
            counted = _number(f"SELECT coalesce(sum({column}), 0) FROM gateway_count")  # noqa: S608 (our own two names)
            yield CounterMetricFamily(name, words, value=counted)


def _number(sql: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0


def _by_label(family: F, sql: str) -> F:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for label, count in cursor.fetchall():
            family.add_metric([str(label)], float(count))
    return family
