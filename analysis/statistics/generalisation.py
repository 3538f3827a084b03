"""To what a comparison of treatments generalises: other readers, other cases, or both."""

from typing import Literal

#: Readers and cases random; these readers and random cases; random readers and these cases.
Name = Literal["RRRC", "FRRC", "RRFC"]
