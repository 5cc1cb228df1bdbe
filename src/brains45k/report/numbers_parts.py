"""The parts of what is said of a corpus: counts with their reasons, distributions, outliers and pairs of copies.

A ``row`` is the position of a row in the table that the numbers were computed from, counted from 0 in its order.
"Kept" speaks of the volumes that the corpus holds; counts are of kept volumes where nothing else is said.
"""

from dataclasses import dataclass

from brains45k.codes import Code

#: The label under which a :class:`Count` counts volumes of which the manifest says nothing; it comes last.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often one code was given.

    Attributes
    ----------
    code, sentence : Code, str
        The code and what it says.
    count : int
        Rows that bear it.
    examples : tuple of str
        The source paths of the first three of them, with the channel behind a colon where the file holds several.
    rows : tuple of int
        All of them, in order.
    """

    code: Code
    sentence: str
    count: int
    examples: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel.

    Attributes
    ----------
    name : {"found", "matched", "selected", "readable", "kept"}
        Which step.
    sentence : str
        What a file has to be to pass it.
    count : int
        Rows that passed it. That is the count of the step before, less ``lost``.
    lost : int
        Rows that did not pass: the sum of the counts of ``reasons``.
    reasons : tuple of CodeCount
        Why they did not; most frequent first.
    """

    name: str
    sentence: str
    count: int
    lost: int
    reasons: tuple[CodeCount, ...]


@dataclass(frozen=True, slots=True)
class SequenceCount:
    """One kind of image: BIDS suffix and contrast agent.

    Attributes
    ----------
    label : str
        Such as ``T1w`` or ``T1w, gadolinium``; :data:`UNKNOWN` where there is no suffix.
    kept, reference, clean : int
        Rows that are kept, and rows that each selection takes.
    """

    label: str
    suffix: str | None
    contrast_agent: str | None
    kept: int
    reference: int
    clean: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many kept volumes have one value. ``label`` is the value as text, or :data:`UNKNOWN`."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Frequent:
    """The most frequent values of a column, of which there may be thousands.

    Attributes
    ----------
    values : tuple of Count
        Most frequent first; at most 20.
    others : int
        Kept volumes with none of these.
    distinct : int
        Number of different values in all.
    """

    values: tuple[Count, ...]
    others: int
    distinct: int


@dataclass(frozen=True, slots=True)
class SplitSize:
    """The size of ``train`` or ``val``."""

    name: str
    volumes: int
    subjects: int


@dataclass(frozen=True, slots=True)
class FiveNumbers:
    """Minimum, quartiles and maximum, in the unit of the distribution."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between round edges.

    Attributes
    ----------
    edges : tuple of float
        Ascending, one more than there are counts, in the unit of the distribution.
    counts : tuple of int
        Values from an edge up to the next; the last bin holds its upper edge too.
    log : bool
        Whether the edges grow by a factor, so that the axis should be logarithmic.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    log: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one quantity is spread over the kept volumes.

    Attributes
    ----------
    column : str
        Its name, as in the keys of :attr:`SourceNumbers.distributions` and in :class:`Outlier`.
    title, unit : str
        What a person reads; the unit is empty for a pure number.
    count : int
        Volumes that have a finite value; the histogram's counts sum to it.
    missing : int
        Kept volumes that have none.
    five, histogram : FiveNumbers, Histogram
        None where no volume has a value.
    """

    column: str
    title: str
    unit: str
    count: int
    missing: int
    five: FiveNumbers | None
    histogram: Histogram | None


@dataclass(frozen=True, slots=True)
class Outlier:
    """A kept volume that is unlike the others of its sequence in its source.

    Attributes
    ----------
    row, volume_id : int, str
        Which.
    column : str
        The quantity in which it differs most; a key of :attr:`SourceNumbers.distributions`.
    value, median : float
        Its value, and the median of the volumes it was compared with, in that quantity's unit.
    score : float
        By how many robust standard deviations it differs.
    """

    row: int
    volume_id: str
    column: str
    value: float
    median: float
    score: float


@dataclass(frozen=True, slots=True)
class Outliers:
    """The outliers among the kept volumes.

    Attributes
    ----------
    rule : str
        How they were found, in words for a reader.
    threshold : float
        The score above which a volume is an outlier.
    judged, not_judged : int
        Kept volumes that were compared, and those of which there are too few of a kind.
    found : tuple of Outlier
        Highest score first.
    """

    rule: str
    threshold: float
    judged: int
    not_judged: int
    found: tuple[Outlier, ...]


@dataclass(frozen=True, slots=True)
class UnknownSeries:
    """A series name that says nothing known of its contrast; a person has to decide."""

    series: str
    count: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """An image that is there twice.

    Attributes
    ----------
    duplicate_id, kept_id : str
        ``volume_id`` of the copy and of the one that is kept.
    code : Code
        How that is known: ``E_DUP_FILE`` or ``E_DUP_VOXEL``.
    row : int
        Of the copy.
    kept_row : int or None
        Of the one that is kept; None where it is not in this table, but in another source.
    source, kept_source : str, str or None
        Where each lies; None likewise.
    """

    duplicate_id: str
    kept_id: str
    code: Code
    row: int
    kept_row: int | None
    source: str
    kept_source: str | None
