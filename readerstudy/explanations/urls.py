"""Addresses of readerstudy.explanations."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
