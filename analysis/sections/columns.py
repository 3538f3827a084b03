"""Columns that several tables of the report have."""

from analysis.sections.section import Column, Interval, Kind

QUESTION = Column("question", "Question")
LABEL = Column("label", "Label")
TARGET = Column("target", "Target")
READER = Column("reader", "Reader")
ARM = Column("arm", "Arm")
ANALYSIS = Column("analysis", "Analysis")
HEADLINE = Column("headline", "Headline", Kind.FLAG)
NOTE = Column("note", "Note")
STATUS = Column("status", "Status")
#: Which arm was taken from which: in every table of differences, once for all rows.
CONTRAST = Column("contrast", "Contrast")

N = Column("n", "N", Kind.COUNT)
N_CASES = Column("n_cases", "Cases", Kind.COUNT)
N_PAIRS = Column("n_pairs", "Pairs", Kind.COUNT)
N_READERS = Column("n_readers", "Readers", Kind.COUNT)

MEAN_DIFFERENCE = Column("mean_difference", "Mean difference", Kind.FIXED, signed=True)
SD_DIFFERENCE = Column("sd_difference", "SD", Kind.FIXED)
DIFFERENCE = Column("difference", "Difference", Kind.FIXED, signed=True)
AUC = Column("auc", "AUC", Kind.FIXED)
SE = Column("se", "SE", Kind.FIXED)
DF = Column("df", "df", Kind.FIXED, decimals=2)
STATISTIC = Column("statistic", "Statistic", Kind.NUMBER)
RANK_BISERIAL = Column("rank_biserial", "Rank-biserial", Kind.FIXED, signed=True)
SPEARMAN = Column("spearman", "Spearman", Kind.FIXED, signed=True)

P_VALUE = Column("p_value", "p", Kind.P)
P_HOLM = Column("p_holm", "p, Holm", Kind.P, adjusted=True)
P_BH = Column("p_bh", "p, Benjamini-Hochberg", Kind.P, adjusted=True)
P_OF_DRAWS = Interval("p_mc_low", "p_mc_high", "p, 99% interval of its draws", of="p_value", kind=Kind.P)
DRAWS = Column("draws", "Draws of p", Kind.COUNT)


def interval(of: str, *, signed: bool = True) -> Interval:
    """The 95% interval in ci_low and ci_high of a column."""
    return Interval("ci_low", "ci_high", "95% interval", of=of, signed=signed)
