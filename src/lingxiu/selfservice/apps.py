"""The selfservice room."""

from django.apps import AppConfig


class SelfserviceConfig(AppConfig):
    name = "lingxiu.selfservice"
    label = "selfservice"

    def ready(self) -> None:
        """Tell the file store who may see the pictures of this room."""
        from lingxiu.files.access import answers_for
        from lingxiu.selfservice.access import may_see_care, may_see_self_check

        answers_for("self_check", may_see_self_check)
        answers_for("care_record", may_see_care)
