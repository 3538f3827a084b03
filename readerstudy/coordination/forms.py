"""Forms of the coordinator's pages."""

from __future__ import annotations

from django import forms

from readerstudy.studies.models import Membership


class MemberForm(forms.Form):
    """Whom to add to a study, and as what."""

    email = forms.EmailField(label="E-mail address")
    name = forms.CharField(label="Name", max_length=150, required=False)
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.READER)
