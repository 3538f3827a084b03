"""All addresses of the application, app by app."""

from django.urls import include, path

urlpatterns = [
    path("", include("readerstudy.reading.urls")),
    path("", include("readerstudy.accounts.urls")),
    path("studies/", include("readerstudy.explanations.urls")),
    path("results/", include("readerstudy.results.urls")),
]
