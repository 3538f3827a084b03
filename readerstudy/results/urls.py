"""Addresses of readerstudy.results."""

from django.urls import URLPattern, path, re_path

from readerstudy.results import views

urlpatterns: list[URLPattern] = [
    path("<slug:slug>/", views.results_detail, name="results_detail"),
    path("<slug:slug>/responses.csv", views.results_responses, name="results_responses"),
    re_path(
        r"^(?P<slug>[-\w]+)/figures/(?P<name>\w+)\.(?P<file_format>svg|pdf)$",
        views.results_figure,
        name="results_figure",
    ),
    path("<slug:slug>/report.zip", views.results_report, name="results_report"),
]
