"""Addresses of the files room."""

from django.urls import path

from lingxiu.files.views import show_file

app_name = "files"
urlpatterns = [
    path("files/<str:sha256>/", show_file, name="file"),
    path("files/<str:sha256>/small/", show_file, {"small": True}, name="small"),
]
