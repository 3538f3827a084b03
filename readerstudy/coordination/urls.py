"""Addresses for coordinators: the page of a study with what is done there, and the page of a case."""

from django.urls import path

from readerstudy.coordination.views import cases, images, members, study, unblinding, unlocks

urlpatterns = [
    path("<slug:slug>/", study.study_detail, name="study_detail"),
    path("<slug:slug>/progress", study.study_progress, name="study_progress"),
    path("<slug:slug>/unblind", unblinding.study_unblind, name="study_unblind"),
    path("<slug:slug>/members/add", members.member_add, name="member_add"),
    path("<slug:slug>/members/<int:membership_id>/withdraw", members.member_withdraw, name="member_withdraw"),
    path("<slug:slug>/images/<int:image_id>/thumbnail.png", images.image_thumbnail, name="image_thumbnail"),
    path("<slug:slug>/images/<int:image_id>/decide", images.image_decide, name="image_decide"),
    path("<slug:slug>/unlocks/<uuid:unlock_id>/grant", unlocks.unlock_grant, name="unlock_grant"),
    path("<slug:slug>/unlocks/<uuid:unlock_id>/decline", unlocks.unlock_decline, name="unlock_decline"),
    path("<slug:slug>/explanations/<uuid:explanation_id>/retry", cases.explanation_retry, name="explanation_retry"),
    path("<slug:slug>/cases/<int:number>/", cases.case_detail, name="case_detail"),
    path("<slug:slug>/cases/<int:number>/assets/<str:name>", cases.case_asset, name="case_asset"),
]
