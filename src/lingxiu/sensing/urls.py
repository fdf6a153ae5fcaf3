"""Addresses of the sensing room."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from lingxiu.sensing.views.adopting import adopt
from lingxiu.sensing.views.alarm import alarm_move, alarm_page, end_mute
from lingxiu.sensing.views.asking import asking_page
from lingxiu.sensing.views.device import device_chart, device_page
from lingxiu.sensing.views.duty import duty_page, strike_turn
from lingxiu.sensing.views.figures import figures_file, figures_page, readings_file
from lingxiu.sensing.views.forecasts import forecast_chart, forecast_page, forecasts_file, forecasts_page
from lingxiu.sensing.views.importing import take_devices
from lingxiu.sensing.views.listing import sensing_list
from lingxiu.sensing.views.observing import decide, observing_page
from lingxiu.sensing.views.registry import device_move, maintainer, maintainers, registry_page
from lingxiu.sensing.views.trying import profiles_page, self_test, try_profile


class Sheet(StringConverter):
    """The forms a list may be had in."""

    regex = "csv|xlsx"


register_converter(Sheet, "sheet")
app_name = "sensing"
urlpatterns = [
    path("sensing/", sensing_list, name="list"),
    path("sensing/profiles/", profiles_page, name="profiles"),
    path("sensing/profiles/<str:profile_id>/try/", try_profile, name="try"),
    path("sensing/self-test/", self_test, name="self_test"),
    path("sensing/devices/<str:mn>/", device_page, name="device"),
    path("sensing/devices/<str:mn>/chart.json", device_chart, name="chart"),
    path("sensing/devices/<str:mn>/readings.<sheet:form>", readings_file, name="readings_file"),
    path("sensing/import/", take_devices, name="import"),
    path("sensing/figures/", figures_page, name="figures"),
    path("sensing/figures.<sheet:form>", figures_file, name="figures_file"),
    path("sensing/devices/<str:mn>/registry/", registry_page, name="registry"),
    path("sensing/devices/<str:mn>/ask/", asking_page, name="ask"),
    path("sensing/devices/<str:mn>/<slug:verb>/", device_move, name="move"),
    path("sensing/maintainers/", maintainers, name="maintainers"),
    path("sensing/maintainers/new/", maintainer, name="new_maintainer"),
    path("sensing/maintainers/<int:maintainer_id>/", maintainer, name="maintainer"),
    path("sensing/duty/", duty_page, name="duty"),
    path("sensing/duty/<int:turn_id>/strike/", strike_turn, name="strike_turn"),
    path("sensing/forecasts/", forecasts_page, name="forecasts"),
    path("sensing/forecasts.<sheet:form>", forecasts_file, name="forecasts_file"),
    path("sensing/forecasts/<int:forecast_id>/", forecast_page, name="forecast"),
    path("sensing/forecasts/<int:forecast_id>/chart.json", forecast_chart, name="forecast_chart"),
    path("sensing/alarms/<int:alarm_id>/", alarm_page, name="alarm"),
    path("sensing/alarms/<int:alarm_id>/<slug:verb>/", alarm_move, name="alarm_move"),
    path("sensing/observing/", observing_page, name="observing"),
    path("sensing/observing/<str:mn>/", decide, name="decide_observing"),
    path("sensing/mutes/<int:mute_id>/end/", end_mute, name="end_mute"),
    path("sensing/unknown/<str:mn>/", adopt, name="adopt"),
]
