"""The sensing room."""

from django.apps import AppConfig


class SensingConfig(AppConfig):
    name = "lingxiu.sensing"
    label = "sensing"

    def ready(self) -> None:
        """The morning also shows what devices said that only observe so far."""
        from lingxiu.issues.digest import also
        from lingxiu.sensing.observed import figures

        also(figures)
