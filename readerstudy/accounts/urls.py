"""Addresses for signing in and out."""

from django.urls import include, path

from readerstudy.accounts import views

urlpatterns = [
    path("sign-in/<str:token>/", views.sign_in, name="sign_in"),
    path("signed-in/", views.signed_in, name="signed_in"),
    path("accounts/", include("allauth.urls")),
]
