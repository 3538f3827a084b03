"""All addresses of the application, app by app."""

from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

urlpatterns = [
    path("", include("readerstudy.reading.urls")),
    path("", include("readerstudy.accounts.urls")),
    path("studies/", include("readerstudy.coordination.urls")),
    path("results/", include("readerstudy.results.urls")),
    path("catalogue.js", JavaScriptCatalog.as_view(), name="catalogue"),
]
