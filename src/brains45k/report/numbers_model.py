"""What the pages and the terminal say of a source and of the corpus, as frozen data.

``asdict()`` of any of it goes into JSON. What a row is, and the parts, stand in :mod:`brains45k.report.numbers_parts`.
"""

from dataclasses import dataclass
from typing import Any

from brains45k.report.numbers_parts import (
    CodeCount,
    Count,
    Distribution,
    DuplicatePair,
    Frequent,
    Outliers,
    SequenceCount,
    SplitSize,
    Step,
    UnknownSeries,
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """What became of the files: ``found`` = ``kept`` + ``excluded`` + ``duplicate``."""

    found: int
    kept: int
    excluded: int
    duplicate: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What the reference selection should take of a source, and what it took.

    Attributes
    ----------
    volumes, subjects : int or None
        Expected; None where nobody published it and it cannot be derived.
    kind : {"published", "derived", "unknown", "stated"}
        Where the numbers come from, in a word; "stated" where the basis begins with none of the other three.
    basis : str
        The same in a sentence, as the source file has it.
    took_volumes, took_subjects : int
        What the reference selection took here, whichever selection decided.
    """

    volumes: int | None
    subjects: int | None
    kind: str
    basis: str
    took_volumes: int
    took_subjects: int


@dataclass(frozen=True, slots=True)
class Selections:
    """What the two selections take, and so what a change of the selection would change.

    Attributes
    ----------
    decided : {"reference", "clean"}
        Which of them made this corpus; empty where the manifest does not say.
    both, only_reference, only_clean, neither : int
        Rows that each takes; they sum to found.
    only_reference_rows, only_clean_rows : tuple of int
        The rows behind two of the counts.

    A row that one selection leaves out by name was not read for it, so its volume rule may still object.
    """

    decided: str
    both: int
    only_reference: int
    only_clean: int
    neither: int
    only_reference_rows: tuple[int, ...]
    only_clean_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the source file says to its users: values as they stand there."""

    homepage: str
    licence: str
    terms: tuple[str, ...]
    citation: tuple[str, ...]
    facts: tuple[str, ...]
    access_kind: str
    access_steps: tuple[str, ...]
    terms_url: str | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class Build:
    """What made the manifest.

    Attributes
    ----------
    build_id : str
        Digest of code and parameters; empty where nothing was read.
    code : str
        Digest of the code that makes voxels.
    preprocessing : dict
        The parameters, by name.
    """

    build_id: str
    code: str
    preprocessing: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourceNumbers:
    """All that is said of one source, or of the whole corpus.

    Attributes
    ----------
    name, title : str
        The source file's name and the dataset's.
    selection : str
        The one that decided: ``reference`` or ``clean``.
    funnel : tuple of Step
        found, matched, selected, readable, kept.
    reasons : tuple of CodeCount
        Why rows are not kept, whatever the step; most frequent first.
    by_sequence : tuple of SequenceCount
        Most kept first.
    by_field_strength, by_manufacturer, by_licence : tuple of Count
        Of kept volumes; field strengths ascending, as the vendors' nominal values.
    subjects, subjects_found : int
        Subjects with a kept volume, where a volume without a subject counts as one; and subjects that any row names.
    sessions : int
        Different subjects and sessions of kept volumes; a volume without a session has none.
    spacings, shapes, orientations, dtypes : Frequent
        Of the originals of kept volumes, such as ``1 x 1 x 1.2`` (mm, rounded to 0.01), ``256 x 256 x 166``, ``LPS``
        and ``int16``.
    stored_shapes : Frequent
        Of the stored volumes.
    distributions : dict
        By column; see :data:`brains45k.report.quantities.QUANTITIES` for the columns.
    flags, repairs : tuple of CodeCount
        Of kept volumes; most frequent first.
    unknown_series : tuple of UnknownSeries
        Most frequent first.
    duplicates : tuple of DuplicatePair
        In the order of the rows.
    warnings : tuple of str
        On the tables that came with the download.
    stored_bytes : int
        Of the kept volumes' arrays.
    source_bytes : int
        Of the files that the kept volumes were made of, each once.
    seconds_per_volume : float or None
        Mean time of reading, judging, preprocessing and storing; None without logs.
    terms : Terms or None
        None where the source file was not given.
    """

    name: str
    title: str
    selection: str
    build: Build
    accounts: Accounts
    funnel: tuple[Step, ...]
    reasons: tuple[CodeCount, ...]
    expected: Expected
    selections: Selections
    by_sequence: tuple[SequenceCount, ...]
    by_field_strength: tuple[Count, ...]
    by_manufacturer: tuple[Count, ...]
    by_licence: tuple[Count, ...]
    splits: tuple[SplitSize, ...]
    subjects: int
    subjects_found: int
    sessions: int
    spacings: Frequent
    shapes: Frequent
    orientations: Frequent
    dtypes: Frequent
    stored_shapes: Frequent
    distributions: dict[str, Distribution]
    outliers: Outliers
    flags: tuple[CodeCount, ...]
    repairs: tuple[CodeCount, ...]
    unknown_series: tuple[UnknownSeries, ...]
    duplicates: tuple[DuplicatePair, ...]
    warnings: tuple[str, ...]
    stored_bytes: int
    source_bytes: int
    seconds_per_volume: float | None
    terms: Terms | None


@dataclass(frozen=True, slots=True)
class BetweenSources:
    """Images that lie in two sources: how many of ``duplicate_source`` are copies of ones kept in ``kept_source``."""

    duplicate_source: str
    kept_source: str
    count: int
    pairs: tuple[DuplicatePair, ...]


@dataclass(frozen=True, slots=True)
class ExpectedCorpus:
    """BRAINS-45K as the paper has it, against what the reference selection took here.

    Attributes
    ----------
    paper_volumes : int
        What the paper says of the nine sources together.
    derived_volumes, derived_sources : int, tuple of str
        Sum of the sources whose count is derived or published one by one, and their names.
    remainder_volumes, remainder_sources : int or None, tuple of str
        What that leaves for the others together; None where not all nine are known, so that nothing can be said.
    took_volumes, took_derived_volumes, took_remainder_volumes : int
        What the reference selection took here: of the nine sources, and of either group.
    absent_sources : tuple of str
        Those of the nine that this corpus does not hold.
    other_sources : tuple of str
        Sources of this corpus that are no part of BRAINS-45K; no figure here counts them.
    """

    paper_volumes: int
    derived_volumes: int
    derived_sources: tuple[str, ...]
    remainder_volumes: int | None
    remainder_sources: tuple[str, ...]
    took_volumes: int
    took_derived_volumes: int
    took_remainder_volumes: int
    absent_sources: tuple[str, ...]
    other_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BindingTerm:
    """A sentence that binds a user of this corpus, and the sources that it comes from."""

    sentence: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorpusNumbers:
    """All that is said of the corpus.

    Attributes
    ----------
    whole : SourceNumbers
        The same numbers over all sources; its ``name`` is ``all``, its rows are the corpus manifest's, its ``expected``
        is the sum over the sources, or None where one of them is unknown. Times are weighted by the volumes read.
    sources : dict
        By name, in order.
    expected : ExpectedCorpus
        Against the paper.
    between_sources : tuple of BetweenSources
        Most frequent first.
    terms : tuple of BindingTerm
        Of all sources with a kept volume, in their order, each sentence once.
    """

    whole: SourceNumbers
    sources: dict[str, SourceNumbers]
    expected: ExpectedCorpus
    between_sources: tuple[BetweenSources, ...]
    terms: tuple[BindingTerm, ...]
