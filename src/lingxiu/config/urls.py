"""All addresses of the house. Each room keeps its own; portal stands first, its pages show several rooms at once."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("lingxiu.portal.urls")),
    path("", include("lingxiu.exchange.urls")),
    path("", include("lingxiu.notices.urls")),
    path("", include("lingxiu.rating.urls")),
    path("", include("lingxiu.selfservice.urls")),
    path("", include("lingxiu.sensing.urls")),
    path("", include("lingxiu.issues.urls")),
    path("", include("lingxiu.merchants.urls")),
    path("", include("lingxiu.accounts.urls")),
    path("", include("lingxiu.files.urls")),
    path("", include("lingxiu.ui.urls")),
    path("admin/", admin.site.urls),
]

handler403 = "lingxiu.ui.views.refused"
handler404 = "lingxiu.ui.views.not_found"
handler500 = "lingxiu.ui.views.failed"
