"""Reports that were stored before a table got another name."""

from analysis.report.stored import current_results
from analysis.sections.catalogue import COMPLETENESS


def test_a_result_of_the_first_format_has_the_names_of_today() -> None:
    options = {"missing": {"flow": "who", "sensitivity": "with and without"}, "draws": 50}
    old = {
        "tables": {"effect": [], "sensitivity": [{"set": "all pairs"}]},
        "provenance": {"format": 1, "options": options},
    }
    now = current_results(old)
    assert now["tables"] == {"effect": [], "effect_by_completeness": [{"set": "all pairs"}]}
    assert now["provenance"]["options"]["missing"] == {"flow": "who", "effect_by_completeness": "with and without"}
    assert "with and without" in COMPLETENESS.words(now["provenance"])[0]
    new = {"tables": {"sensitivity": []}, "provenance": {"format": 2, "options": {}}}
    assert current_results(new) == new
