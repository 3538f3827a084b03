"""How large and how deep the X-rays of a study are drawn: alike for all cases, so that neither tells the data set."""

from typing import Any

from django.db.models import Min
from django.db.models.functions import Least

from explainer.catalogue.parameters import EIGHT_BITS, SIXTEEN_BITS
from readerstudy.explanations.models import Explanation
from readerstudy.studies.models import Study

# Beyond this no screen shows more, and a picture takes longer to arrive than the case before it takes to rate.
LARGEST = 2560
KEYS = ("display_size", "display_bits")


def display_parameters(study: Study) -> dict[str, Any]:
    """`display_size`, the largest square that every case fills without being enlarged, and `display_bits`.

    16 bits where every image has more than 8. What earlier explanations of the study were drawn with stays, and what
    the protocol says goes before all.
    """
    earlier = Explanation.objects.filter(case__study=study).order_by("created_at", "pk").first()
    if earlier is not None:
        decided = {key: earlier.parameters[key] for key in KEYS if key in earlier.parameters}
    else:
        cases = study.cases.exclude(image__file="")
        found = cases.aggregate(side=Min(Least("image__width", "image__height")), bits=Min("image__bits"))
        decided = {"display_bits": SIXTEEN_BITS if (found["bits"] or EIGHT_BITS) > EIGHT_BITS else EIGHT_BITS}
        if found["side"]:
            decided["display_size"] = min(found["side"], LARGEST)
    return {**decided, **study.parameters}
