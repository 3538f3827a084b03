"""The ordinal mixed model: do true positives rise more than false ones?"""

from analysis.sections.columns import CONTRAST, N_CASES, NOTE, P_VALUE, QUESTION, SE, N
from analysis.sections.section import Column, Interval, Kind, Part, Provenance, Reading, Row, Section, Table

ARM_BY_LABEL = "arm x label"
_MODEL = Column("model", "Model")
_TERM = Column("term", "Term")
_ESTIMATE = Column("estimate", "Estimate", Kind.FIXED, signed=True)
_Z = Column("z", "z", Kind.FIXED, signed=True)
_ODDS_RATIO = Column("odds_ratio", "Odds ratio", Kind.FIXED, decimals=3)
_ODDS_RATIO_INTERVAL = Interval("or_low", "or_high", "Odds ratio, 95% interval", of="odds_ratio", signed=False)
_SE_ROBUST = Column("se_robust", "Robust SE", Kind.FIXED)
_P_ROBUST = Column("p_robust", "p, robust", Kind.P)
_LR_CHI2 = Column("lr_chi2", "Likelihood ratio chi²", Kind.NUMBER)
_LR_P = Column("lr_p", "Likelihood ratio p", Kind.P)
_DF_ROBUST = Column("df_robust", "df, robust", Kind.FIXED, decimals=2)
#: What a model says of its terms: also of the model of the score on IoU.
TERMS = (
    QUESTION,
    _MODEL,
    _TERM,
    _ESTIMATE,
    SE,
    _Z,
    P_VALUE,
    _ODDS_RATIO,
    _ODDS_RATIO_INTERVAL,
    _SE_ROBUST,
    _P_ROBUST,
    _LR_CHI2,
    _LR_P,
    _DF_ROBUST,
    NOTE,
)
ORDINAL = Table(
    "ordinal",
    "Ordinal mixed model",
    "Log odds ratios of a higher score; 'arm x label' is the study's question.",
    TERMS,
    Reading.RATIO,
    optional=(CONTRAST,),
)
ORDINAL_MODELS = Table(
    "ordinal_models",
    "Ordinal mixed model: fits",
    "What was fitted, and the spread between cases.",
    (
        QUESTION,
        _MODEL,
        N,
        N_CASES,
        Column("scores", "Scores"),
        Column("log_likelihood", "Log likelihood", Kind.NUMBER),
        Column("sd_case", "SD between cases", Kind.FIXED),
        Column("sd_case_se", "its SE", Kind.FIXED),
        Column("icc", "ICC", Kind.FIXED),
        Column("random_chi2", "No spread: chi²", Kind.NUMBER),
        Column("random_p", "No spread: p", Kind.P),
        Column("converged", "Converged", Kind.FLAG),
    ),
)


def _of_the_arm(row: Row) -> bool:
    return bool(row["model"] == "main" and row["term"].startswith("arm"))


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["ordinal"]
    return (
        (
            f"Per question (`ordinal`, `ordinal_models`): {options['model']}. Model with order: "
            f"{options['with_order']}. Terms: {options['terms']}."
        ),
        (
            f"The random intercept is integrated by {options['integration']}. Standard errors are "
            f"{options['standard_errors']}; {options['robust']}. Likelihood ratio {options['likelihood_ratio']}. "
            f"Random intercept: {options['random_test']}."
        ),
    )


SECTION = Section(
    "ordinal",
    "Ordinal mixed model: do true positives rise more than false ones?",
    (
        Part(
            ORDINAL,
            (_TERM, _ODDS_RATIO, _ODDS_RATIO_INTERVAL, _ESTIMATE, _SE_ROBUST, _P_ROBUST, _LR_P, _DF_ROBUST, NOTE),
            planned=True,
            keep=_of_the_arm,
            first=lambda row: bool(row["term"] == ARM_BY_LABEL),
            title="Arm and label",
            note=(
                "Odds ratios of a higher score, second arm against first. 'arm x label' is the question: the odds "
                "ratio for true positives over that for false ones. Intervals and p are robust, with cases as "
                "clusters, corrected where they are few."
            ),
        ),
        Part(ORDINAL, title="All terms of the models"),
        Part(ORDINAL_MODELS),
    ),
    _words,
    rest="Ordinal mixed model: all terms, and the fits",
)
