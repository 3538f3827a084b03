"""Addresses for readers."""

from django.urls import path

from readerstudy.reading import answer_views, start_views, training_views, views

urlpatterns = [
    path("", start_views.home, name="home"),
    path("read/<slug:slug>/", start_views.reading_start, name="reading_start"),
    path("read/<slug:slug>/consent", start_views.reading_consent, name="reading_consent"),
    path("read/<slug:slug>/consent/accept", start_views.reading_consent_accept, name="reading_consent_accept"),
    path("read/<slug:slug>/begin", start_views.reading_begin, name="reading_begin"),
    path("read/<slug:slug>/next", start_views.reading_next, name="reading_next"),
    path("read/<slug:slug>/thanks", start_views.reading_thanks, name="reading_thanks"),
    path("read/<slug:slug>/certificate", start_views.reading_certificate, name="reading_certificate"),
    path("reading/<uuid:reading_id>/", views.reading_case, name="reading_case"),
    path("reading/<uuid:reading_id>/steps", views.reading_steps, name="reading_steps"),
    path("reading/<uuid:reading_id>/assets/<str:name>", views.reading_asset, name="reading_asset"),
    path("reading/<uuid:reading_id>/feedback", training_views.reading_feedback, name="reading_feedback"),
    path("reading/<uuid:reading_id>/truth/<slug:name>.png", training_views.reading_truth, name="reading_truth"),
    path("reading/<uuid:reading_id>/answers/<uuid:answer_id>", answer_views.answer_put, name="answer_put"),
    path("reading/<uuid:reading_id>/submission", answer_views.submission_put, name="submission_put"),
    path("reading/<uuid:reading_id>/unlocks/<uuid:unlock_id>", answer_views.unlock_put, name="unlock_put"),
    path("reading/<uuid:reading_id>/visits/<uuid:visit_id>", answer_views.visit_put, name="visit_put"),
    path("reading/<uuid:reading_id>/visits/<uuid:visit_id>/events", answer_views.events_put, name="events_put"),
]
