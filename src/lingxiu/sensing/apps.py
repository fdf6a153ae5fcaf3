"""The sensing room."""

from django.apps import AppConfig


class SensingConfig(AppConfig):
    name = "lingxiu.sensing"
    label = "sensing"

    def ready(self) -> None:
        """The morning also shows what devices said that only observe so far; issues freeze hours of monitors into their moves."""
        from lingxiu.issues.digest import also
        from lingxiu.issues.evidence import readings_from
        from lingxiu.sensing.kept_hours import hours_of
        from lingxiu.sensing.observed import figures

        also(figures)
        readings_from(hours_of)
