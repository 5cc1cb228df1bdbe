"""Make the pages of a finished corpus: one for each source and one for all, from the corpus's own manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brains45k.corpus.manifest import metadata_of, read_manifest, read_metadata
from brains45k.corpus.timing import seconds_per_volume
from brains45k.report.numbers import read_numbers, source_numbers
from brains45k.report.page import build_index_page, build_source_page


def make_source_page(
    corpus: Path, source: str, folder: Path, *, logs: Path, document: Mapping[str, Any] | None = None
) -> None:
    """Write the page of one source.

    Its rows are those of the corpus: an image that lies in two sources is a duplicate in one of them, so that the
    pages add up.

    Parameters
    ----------
    corpus : Path
        The corpus's manifest; the source's own lies beside it.
    source : str
        Name of the source.
    folder : Path
        Of the reports.
    logs : Path
        Of the shards, for the times.
    document : mapping, optional
        The source file: terms, citation, what is expected.

    Raises
    ------
    DataError
        If a manifest cannot be read.
    """
    arrow = read_manifest(corpus)
    table = arrow.to_pandas()
    rows = table[table["source"] == source].reset_index(drop=True)
    own = corpus.with_name(f"{source}.parquet")
    numbers = source_numbers(
        rows,
        read_metadata(own) if own.is_file() else metadata_of(arrow),
        name=source,
        document=document,
        seconds_per_volume=seconds_per_volume(logs, source),
    )
    build_source_page(folder, numbers, rows)


def make_index_page(
    corpus: Path, folder: Path, *, logs: Path, documents: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write the page of the corpus.

    Parameters
    ----------
    corpus : Path
        The corpus's manifest; the sources' own lie beside it.
    folder : Path
        Of the reports.
    logs : Path
        Of the shards, for the times.
    documents : mapping, optional
        Source files by name, also of sources that the corpus does not hold.

    Raises
    ------
    DataError
        If a manifest cannot be read.
    """
    build_index_page(folder, read_numbers(corpus, logs=logs, documents=documents))
