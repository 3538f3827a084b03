"""The filters of the results page."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django import forms

from analysis.data.selection import Selection
from readerstudy.studies.models import Membership, Study


class SelectionForm(forms.Form):
    """Which targets, readers and periods to look at; nothing chosen means all."""

    target = forms.MultipleChoiceField(label="Targets", required=False, widget=forms.CheckboxSelectMultiple)
    reader = forms.MultipleChoiceField(label="Readers", required=False, widget=forms.CheckboxSelectMultiple)
    period = forms.MultipleChoiceField(label="Periods", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readers = study.memberships.filter(role=Membership.Role.READER, withdrawn_at=None).exclude(code="")
        choices = {
            "target": study.targets,
            "reader": sorted(readers.values_list("code", flat=True), key=lambda code: (len(code), code)),
            "period": study.periods.filter(number__gte=1).order_by("number").values_list("number", flat=True),
        }
        self._offered = {name: [str(value) for value in values] for name, values in choices.items()}
        for name, values in self._offered.items():
            cast("forms.MultipleChoiceField", self.fields[name]).choices = [(value, value) for value in values]

    @property
    def selection(self) -> Selection:
        """What was chosen, in the order of the choices; everything of a kind is the same as nothing of it."""
        return Selection(
            targets=self._chosen("target"),
            readers=self._chosen("reader"),
            periods=tuple(int(number) for number in self._chosen("period")),
        )

    @property
    def query(self) -> str:
        """The choice as the query of an address."""
        return urlencode([(name, value) for name in self.fields for value in self._chosen(name)])

    @staticmethod
    def query_of(selection: Mapping[str, Sequence[object]]) -> str:
        """The query, with its question mark, that chooses a stored selection; empty for all data."""
        pairs = [(name.removesuffix("s"), value) for name, values in selection.items() for value in values]
        return f"?{urlencode(pairs)}" if pairs else ""

    def _chosen(self, name: str) -> tuple[str, ...]:
        offered = self._offered[name]
        chosen = [value for value in offered if value in self.cleaned_data[name]]
        return () if len(chosen) == len(offered) else tuple(chosen)
