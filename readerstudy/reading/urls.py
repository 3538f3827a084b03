"""Addresses of readerstudy.reading."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
