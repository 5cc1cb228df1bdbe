"""The numbers that pages and terminal show: one place to import them from."""

from brains45k.report.numbers_corpus import (
    corpus_numbers,
    read_numbers,
)
from brains45k.report.numbers_data import as_data
from brains45k.report.numbers_model import (
    Accounts,
    BetweenSources,
    BindingTerm,
    Build,
    CorpusNumbers,
    Expected,
    ExpectedCorpus,
    Selections,
    SourceNumbers,
    Terms,
)
from brains45k.report.numbers_parts import (
    UNKNOWN,
    CodeCount,
    Count,
    Distribution,
    DuplicatePair,
    FiveNumbers,
    Frequent,
    Histogram,
    Outlier,
    Outliers,
    SequenceCount,
    SplitSize,
    Step,
    UnknownSeries,
)
from brains45k.report.numbers_source import source_numbers
from brains45k.report.outliers import outlier_scores
from brains45k.report.quantities import QUANTITIES

__all__ = [
    "QUANTITIES",
    "UNKNOWN",
    "Accounts",
    "BetweenSources",
    "BindingTerm",
    "Build",
    "CodeCount",
    "CorpusNumbers",
    "Count",
    "Distribution",
    "DuplicatePair",
    "Expected",
    "ExpectedCorpus",
    "FiveNumbers",
    "Frequent",
    "Histogram",
    "Outlier",
    "Outliers",
    "Selections",
    "SequenceCount",
    "SourceNumbers",
    "SplitSize",
    "Step",
    "Terms",
    "UnknownSeries",
    "as_data",
    "corpus_numbers",
    "outlier_scores",
    "read_numbers",
    "source_numbers",
]
