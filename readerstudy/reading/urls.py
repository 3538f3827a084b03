"""Addresses for readers."""

from django.urls import path

from readerstudy.reading.views import answers, feedback, rating, start

urlpatterns = [
    path("", start.home, name="home"),
    path("read/<slug:slug>/", start.reading_start, name="reading_start"),
    path("read/<slug:slug>/consent", start.reading_consent, name="reading_consent"),
    path("read/<slug:slug>/consent/accept", start.reading_consent_accept, name="reading_consent_accept"),
    path("read/<slug:slug>/begin", start.reading_begin, name="reading_begin"),
    path("read/<slug:slug>/next", start.reading_next, name="reading_next"),
    path("read/<slug:slug>/thanks", start.reading_thanks, name="reading_thanks"),
    path("read/<slug:slug>/certificate", start.reading_certificate, name="reading_certificate"),
    path("reading/<uuid:reading_id>/", rating.reading_case, name="reading_case"),
    path("reading/<uuid:reading_id>/steps", rating.reading_steps, name="reading_steps"),
    path("reading/<uuid:reading_id>/assets/<str:name>", rating.reading_asset, name="reading_asset"),
    path("reading/<uuid:reading_id>/feedback", feedback.reading_feedback, name="reading_feedback"),
    path("reading/<uuid:reading_id>/truth/<slug:name>.png", feedback.reading_outline, name="reading_outline"),
    path("reading/<uuid:reading_id>/answers/<uuid:answer_id>", answers.answer_put, name="answer_put"),
    path("reading/<uuid:reading_id>/submission", answers.submission_put, name="submission_put"),
    path("reading/<uuid:reading_id>/unlocks/<uuid:unlock_id>", answers.unlock_put, name="unlock_put"),
    path("reading/<uuid:reading_id>/visits/<uuid:visit_id>", answers.visit_put, name="visit_put"),
    path("reading/<uuid:reading_id>/visits/<uuid:visit_id>/events", answers.events_put, name="events_put"),
]
