"""Means over folds, paired differences, and how sure one can be of them.

Scores are tables of one row per fold and one column per test case (:func:`case_scores`). All folds of a task share one
test set, and their training cases, drawn from one pool, overlap. What follows from that stands with each function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Array = npt.NDArray[np.float64]

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 10_000
#: With fewer folds their spread is a guess: no interval, no test.
LEAST_FOLDS: Final = 3
#: With fewer cases no test by signs can reach 5 %: its smallest p is 2 / 2**cases.
LEAST_CASES: Final = 6

# Every comparison draws from a generator of its own, so that one more row of the table changes no other.
_SEED = 45
_FLIPS = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Pretrained minus scratch, over the folds and cases that both have.

    Attributes
    ----------
    mean : float
        Mean over folds of the mean over cases.
    low, high : float, optional
        Interval of :data:`CONFIDENCE` (:func:`bootstrap_interval`).
    p, p_corrected : float, optional
        Of :func:`sign_flip_p`; the second by :func:`holm` over all comparisons of a table.
    folds, cases : int
        How many were compared.
    unpaired : int
        Pairs of a common fold and a case that one run alone has a score of; they are left out.
    reason : str, optional
        Why interval and test are missing.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    folds: int
    cases: int
    unpaired: int
    reason: str | None = None


def case_scores(scores: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the mean over the regions of each case: folds down, cases across, both ascending.

    Parameters
    ----------
    scores : pandas.DataFrame
        Rows of one run, task and group (:data:`brains45k.segmentation.scores.SCORES`), in any order.
    column : str
        What was measured. Undefined values are skipped, as by the reference's ``nanmean``; a case without any is NaN.
    """
    ordered = scores.sort_values(["fold", "case", "region"], kind="stable")
    # A pivot table takes more than twice as long.
    return ordered.groupby(["fold", "case"])[column].mean().unstack("case")  # noqa: PD010


def fold_means(table: pd.DataFrame) -> Array:
    """Return the mean over cases of each fold, shape (folds,); NaN for a fold without any value."""
    return table.mean(axis=1).to_numpy(dtype=float)


def mean_and_deviation(values: Array) -> tuple[float | None, float | None]:
    """Return mean and standard deviation (n - 1) of what is not NaN; the second is None for a single value.

    >>> mean_and_deviation(np.array([1.0, 2.0, 3.0, np.nan]))
    (2.0, 1.0)
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return None, None
    return float(known.mean()), float(known.std(ddof=1)) if known.size > 1 else None


def compare(pretrained: pd.DataFrame, scratch: pd.DataFrame, *, how_sure: bool = True) -> Difference | None:
    """Compare two runs of one network on the folds and cases that both have.

    Parameters
    ----------
    pretrained, scratch : pandas.DataFrame
        Of :func:`case_scores`.
    how_sure : bool
        Whether to add interval and test, where there are folds and cases enough.

    Returns
    -------
    Difference or None
        None where no fold and case has a score of both.
    """
    table = paired_differences(pretrained, scratch)
    values = table.to_numpy(dtype=float)
    if not values.size:
        return None
    folds, cases = values.shape
    reason = too_few(folds, cases)
    judged = how_sure and reason is None
    low, high = bootstrap_interval(values) if judged else (None, None)
    return Difference(
        mean=mean_of_fold_means(values),
        low=low,
        high=high,
        p=sign_flip_p(values) if judged else None,
        folds=folds,
        cases=cases,
        unpaired=_count_unpaired(pretrained, scratch),
        reason=reason if how_sure else None,
    )


def _count_unpaired(one: pd.DataFrame, other: pd.DataFrame) -> int:
    common = one.index.intersection(other.index)
    known = [table.loc[common].notna() for table in (one, other)]
    aligned = known[0].align(known[1], fill_value=False)
    return int((aligned[0] != aligned[1]).to_numpy().sum())


def paired_differences(pretrained: pd.DataFrame, scratch: pd.DataFrame) -> pd.DataFrame:
    """Return pretrained minus scratch by fold and case; NaN where one has no score.

    Folds and cases without any pair are dropped.
    """
    return (pretrained - scratch).dropna(axis="index", how="all").dropna(axis="columns", how="all")


def mean_of_fold_means(values: Array) -> float:
    """Return the mean over folds of the mean over cases; NaN values are skipped, every fold counts once.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (folds, cases), with a value in each fold.
    """
    return float(np.nanmean(values, axis=1).mean())


def too_few(folds: int, cases: int) -> str | None:
    """Say why a comparison has no interval and no test, or nothing if it has."""
    if folds < LEAST_FOLDS:
        return f"{folds} of at least {LEAST_FOLDS} folds"
    if cases < LEAST_CASES:
        return f"{cases} of at least {LEAST_CASES} cases"
    return None


def bootstrap_interval(
    values: Array, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = _SEED
) -> tuple[float, float]:
    """Return the interval of the mean difference, by a bootstrap over folds and cases.

    A replicate draws folds, and cases, with replacement. A case that is drawn is drawn in every fold, because the folds
    share one test set: cases drawn anew in each fold would count a hard case as many times as there are folds, and the
    interval would be too narrow. This is the bootstrap of crossed factors (Owen, "The pigeonhole bootstrap", Annals of
    Applied Statistics 1(2), 2007). A difference carries both runs, so each draw takes the two together.

    The interval is one of percentiles, since the statistic is a mean and BCa has no agreed acceleration for crossed
    factors; expanded for few folds and cases (:func:`expansion`). In simulations (500 tables each; normal effects of
    folds, cases and both; 3 or 6 folds, 8 to 200 cases) plain percentiles of 95 % covered the truth in as few as 72 %
    of the tables of three folds and 84 % of those of six, where folds differed more than cases did; expanded ones in
    94 % or more throughout. Where folds hardly differ they are wider than they need be.

    It covers other test cases of the same kind, and other draws of training cases and seeds as far as the folds show
    them: those overlap in training cases, so they differ less than independent draws would. It does not cover another
    pretraining run, other settings or other scanners.

    Parameters
    ----------
    values : numpy.ndarray
        Differences, shape (folds, cases), two or more of each; NaN where there is none, with a value in each fold.
    """
    generator = np.random.default_rng(seed)
    folds, cases = values.shape
    fold_counts = _draw_counts(generator, folds, resamples)
    case_counts = _draw_counts(generator, cases, resamples)
    known = ~np.isnan(values)
    own = np.nanmean(values, axis=1)
    with np.errstate(invalid="ignore"):
        drawn = (case_counts @ np.where(known, values, 0.0).T) / (case_counts @ known.T)
    # A fold of which no case was drawn keeps its own mean.
    means = own + expansion(cases, confidence) * np.where(np.isnan(drawn), 0.0, drawn - own)
    weights = 1 + expansion(folds, confidence) * (fold_counts - 1)
    low, high = np.quantile((weights * means).mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def expansion(size: int, confidence: float = CONFIDENCE) -> float:
    """Return by how much the deviations of a bootstrap of few things are too small.

    A sample's own spread is too small by ``sqrt((n - 1) / n)``, and normal percentiles stand where Student's belong
    (Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69(4), 2015, who moves the
    percentiles; of a handful of folds there are too few to move to, so the deviations are stretched).

    >>> round(expansion(3), 2), round(expansion(6), 2), round(expansion(300), 2)
    (2.69, 1.44, 1.01)
    """
    level = (1 + confidence) / 2
    ratio = stats.t.ppf(level, size - 1) / stats.norm.ppf(level)
    return float(ratio * np.sqrt(size / (size - 1)))


def _draw_counts(generator: np.random.Generator, size: int, resamples: int) -> Array:
    """Return how often each of ``size`` things is drawn in each replicate, shape (resamples, size)."""
    return generator.multinomial(size, np.full(size, 1 / size), size=resamples).astype(float)


def sign_flip_p(values: Array, *, seed: int = _SEED) -> float:
    """Return the two-sided p of a paired permutation test on cases.

    A case's differences are averaged over the folds, and their signs flipped: all flips where those are few, else
    9,999 random ones (:func:`scipy.stats.permutation_test`). Under the null hypothesis a case's difference is as likely
    to be of either sign. The networks are taken as they were trained: a small p says that these networks differ on
    cases like these, not that those of another pretraining or another draw of training cases would. With a handful of
    folds no test over folds could say that: six have 64 flips.

    Parameters
    ----------
    values : numpy.ndarray
        Differences, shape (folds, cases); NaN where there is none, with a value for each case.
    """
    by_case = np.nanmean(values, axis=0)
    result = stats.permutation_test(
        (by_case,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_FLIPS,
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number by Holm's step-down procedure; None stays, and counts for nothing.

    The k-th smallest of m is multiplied by m - k + 1, and is no smaller than those before it, nor larger than 1
    (Holm, Scandinavian Journal of Statistics 6, 1979). The chance of any false finding stays below the level,
    whatever the dependence of the tests.

    >>> holm([0.04, None, 0.01])
    [0.04, None, 0.02]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[place] = largest
    return corrected
