"""Addresses of readerstudy.results."""

from django.urls import URLPattern, path, re_path

from readerstudy.results import views

urlpatterns: list[URLPattern] = [
    path("<slug:slug>/", views.results_detail, name="results_detail"),
    path("<slug:slug>/state.json", views.results_state, name="results_state"),
    path("<slug:slug>/runs/<uuid:run_id>/retry", views.results_retry, name="results_retry"),
    path("<slug:slug>/responses.csv", views.results_responses, name="results_responses"),
    path("<slug:slug>/report.zip", views.results_report, name="results_report"),
    re_path(r"^(?P<slug>[-\w]+)/files/(?P<name>\w+\.(csv|html|pdf|md|json))$", views.results_file, name="results_file"),
    re_path(
        r"^(?P<slug>[-\w]+)/figures/(?P<name>\w+)\.(?P<file_format>svg|pdf)$",
        views.results_figure,
        name="results_figure",
    ),
]
