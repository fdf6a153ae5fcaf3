"""The files room."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "lingxiu.files"
    label = "files"
