"""The numbers of the corpus: over all sources, side by side, against the paper, and what binds its users."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from brains45k.corpus.manifest import metadata_of, read_manifest, read_metadata
from brains45k.corpus.timing import seconds_per_volume
from brains45k.report.copies import between_sources
from brains45k.report.numbers_model import BindingTerm, CorpusNumbers, Expected, ExpectedCorpus, SourceNumbers
from brains45k.report.numbers_source import source_numbers

#: What the paper says of the nine sources together (arXiv 2408.00640).
PAPER_VOLUMES = 44_756
#: The sources that BRAINS-45K is made of.
PAPER_SOURCES = ("adni", "brats21", "isles22", "msd", "msseg1", "oasis3", "oasis4", "ppmi", "wmh")
#: The name of the numbers over all sources.
WHOLE = "all"

_SUMMED = "the sum over the sources"


def read_numbers(
    manifest: Path,
    *,
    logs: Path | None = None,
    documents: Mapping[str, Mapping[str, Any]] | None = None,
) -> CorpusNumbers:
    """Compute the numbers of a corpus from its manifest, and from the sources' manifests beside it.

    Each source's numbers are of its rows in ``manifest``, so that they add up to the whole: an image that lies in two
    sources is a duplicate in one of them. The sources' own manifests give their metadata alone.

    Parameters
    ----------
    manifest : Path
        ``corpus.parquet``, or the manifest of one source.
    logs : Path
        The folder of the shards' logs, for the times.
    documents : mapping
        Source files by name, for terms and expectations; also of sources that this corpus does not hold.

    Raises
    ------
    DataError
        If a manifest cannot be read.
    """
    arrow = read_manifest(manifest)
    table = arrow.to_pandas()
    documents = documents or {}
    sources = {}
    for name, rows in table.groupby("source", sort=False):
        own = manifest.with_name(f"{name}.parquet")
        sources[str(name)] = source_numbers(
            rows,
            read_metadata(own) if own.is_file() else metadata_of(arrow),
            document=documents.get(str(name)),
            seconds_per_volume=seconds_per_volume(logs, str(name)) if logs else None,
        )
    return corpus_numbers(table, sources, metadata=metadata_of(arrow), documents=documents)


def corpus_numbers(
    corpus: pd.DataFrame,
    sources: Mapping[str, SourceNumbers],
    *,
    metadata: Mapping[str, str] | None = None,
    documents: Mapping[str, Mapping[str, Any]] | None = None,
) -> CorpusNumbers:
    """Compute what is said of the corpus as a whole, beside the numbers of its sources.

    Parameters
    ----------
    corpus : pandas.DataFrame
        The rows of ``corpus.parquet``.
    sources : mapping
        The numbers of each source, in the order in which they are shown.
    metadata : mapping
        Of ``corpus.parquet``.
    documents : mapping
        Source files by name, for the expectations of sources that this corpus does not hold.

    Raises
    ------
    DataError
        If the rows hold a code that this version does not know.
    """
    whole = source_numbers(
        corpus, metadata or {}, name=WHOLE, seconds_per_volume=_mean_seconds(tuple(sources.values()))
    )
    whole = replace(
        whole,
        expected=_summed(whole.expected, sources),
        warnings=tuple(f"{name}: {line}" for name, numbers in sources.items() for line in numbers.warnings),
    )
    return CorpusNumbers(
        whole=whole,
        sources=dict(sources),
        expected=_against_paper(sources, documents or {}),
        between_sources=between_sources(whole.duplicates),
        terms=_binding(sources),
    )


def _mean_seconds(sources: tuple[SourceNumbers, ...]) -> float | None:
    """Weigh each source's mean time by its volumes that were selected, which are those that were read."""
    timed = [(numbers.seconds_per_volume, _selected(numbers)) for numbers in sources]
    volumes = sum(count for seconds, count in timed if seconds is not None)
    total_s = sum(seconds * count for seconds, count in timed if seconds is not None)
    return total_s / volumes if volumes else None


def _selected(numbers: SourceNumbers) -> int:
    return next(step.count for step in numbers.funnel if step.name == "selected")


def _summed(whole: Expected, sources: Mapping[str, SourceNumbers]) -> Expected:
    """Sum expectations, unless one is unknown: the sum of the others would be a lie."""
    expected = [numbers.expected for numbers in sources.values()]
    return replace(
        whole,
        volumes=_sum([each.volumes for each in expected]),
        subjects=_sum([each.subjects for each in expected]),
        kind="stated",
        basis=_SUMMED,
    )


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _against_paper(sources: Mapping[str, SourceNumbers], documents: Mapping[str, Mapping[str, Any]]) -> ExpectedCorpus:
    expected = {name: documents[name]["expected"]["volumes"] for name in PAPER_SOURCES if name in documents}
    expected |= {name: sources[name].expected.volumes for name in PAPER_SOURCES if name in sources}
    derived = {name: volumes for name, volumes in sorted(expected.items()) if volumes is not None}
    remainder = tuple(name for name, volumes in sorted(expected.items()) if volumes is None)
    complete = set(expected) == set(PAPER_SOURCES)
    took = {name: numbers.expected.took_volumes for name, numbers in sources.items() if name in PAPER_SOURCES}
    return ExpectedCorpus(
        paper_volumes=PAPER_VOLUMES,
        derived_volumes=sum(derived.values()),
        derived_sources=tuple(derived),
        remainder_volumes=PAPER_VOLUMES - sum(derived.values()) if complete else None,
        remainder_sources=remainder,
        took_volumes=sum(took.values()),
        took_derived_volumes=sum(count for name, count in took.items() if name in derived),
        took_remainder_volumes=sum(count for name, count in took.items() if name in remainder),
        absent_sources=tuple(name for name in PAPER_SOURCES if name not in sources),
        other_sources=tuple(name for name in sources if name not in PAPER_SOURCES),
    )


def _binding(sources: Mapping[str, SourceNumbers]) -> tuple[BindingTerm, ...]:
    """Combine the terms of the sources that have a kept volume."""
    found: dict[str, list[str]] = {}
    for name, numbers in sources.items():
        for sentence in numbers.terms.terms if numbers.terms and numbers.accounts.kept else ():
            found.setdefault(sentence, []).append(name)
    return tuple(BindingTerm(sentence, tuple(names)) for sentence, names in found.items())
