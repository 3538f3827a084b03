"""What can be done to a study, and is written into its audit record."""

from django.db.models import TextChoices


class Action(TextChoices):
    """Deeds, in the past tense. Their stored values stay as they were first written, in two tenses as they are.

    The record is append-only: nothing rewrites it, an update as little as a person, and archives that were exported
    before hold the same values.
    """

    STUDY_CREATED = "study_create", "study created"
    PUBLISHED_STUDY_IMPORTED = "study_import_gifsplanation", "published study imported"
    STUDY_OPENED = "study_opened", "study opened"
    STUDY_CLOSED = "study_closed", "study closed"
    STUDY_UNBLINDED = "study_unblinded", "study unblinded"
    MEMBER_ADDED = "member_add", "member added"
    CONSENT_ACCEPTED = "consent_accepted", "consent accepted"
    READER_ALLOCATED = "reader_allocated", "reader allocated"
    READER_WITHDRAWN = "reader_withdrawn", "reader withdrawn"
    IMAGES_IMPORTED = "images_import", "images imported"
    IMAGE_CORRECTED = "image_correct", "image corrected"
    IMAGE_KEPT = "image_keep", "image kept"
    IMAGE_EXCLUDED = "image_exclude", "image excluded"
    DOUBTS_EXAMINED = "doubts_examine", "doubts examined"
    SCORES_REQUESTED = "scores_request", "scores requested"
    CASES_SELECTED = "cases_select", "cases selected"
    ALLOCATION_KEY_DRAWN = "allocation_key_drawn", "allocation key drawn"
    EXPLANATIONS_REQUESTED = "explanations_request", "explanations requested"
    EXPLANATION_RETRIED = "explanation_retry", "explanation tried again"
    UNLOCK_ASKED = "unlock_asked", "unlock asked for"
    UNLOCK_GRANTED = "unlock_granted", "unlock granted"
    UNLOCK_DECLINED = "unlock_declined", "unlock declined"
    INTERIM_RESULTS_SEEN = "interim_results_seen", "interim results seen"
    INTERIM_RESULTS_EXPORTED = "interim_results_exported", "interim results exported"
    REPORT_RETRIED = "report_retry", "report tried again"
