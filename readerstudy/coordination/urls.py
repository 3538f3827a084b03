"""Addresses of the coordinator's look at explanations."""

from django.urls import path

from readerstudy.explanations import views

urlpatterns = [
    path("<slug:slug>/explanations/<uuid:explanation_id>/retry", views.explanation_retry, name="explanation_retry"),
    path("<slug:slug>/cases/<int:number>/", views.case_detail, name="case_detail"),
    path("<slug:slug>/cases/<int:number>/assets/<str:name>", views.case_asset, name="case_asset"),
]
