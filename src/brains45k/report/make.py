"""Make the pages of a finished corpus: one for each source and one for all, from the corpus's own manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brains45k.corpus.manifest import read_manifest
from brains45k.report.numbers import read_numbers
from brains45k.report.page import build_index_page, build_source_page


def make_pages(
    corpus: Path, folder: Path, *, logs: Path, documents: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Path]:
    """Write all pages.

    A source's rows are those of the corpus: an image that lies in two sources is a duplicate in one of them, so that
    the pages add up.

    Parameters
    ----------
    corpus : Path
        The corpus's manifest; the sources' own lie beside it.
    folder : Path
        Of the reports.
    logs : Path
        Of the shards, for the times.
    documents : mapping, optional
        Source files by name, also of sources that the corpus does not hold: terms, citation, what is expected.

    Returns
    -------
    list of Path
        The page of each source and that of the corpus.

    Raises
    ------
    DataError
        If a manifest cannot be read.
    """
    numbers = read_numbers(corpus, logs=logs, documents=documents)
    table = read_manifest(corpus).to_pandas()
    pages = []
    for name, source in numbers.sources.items():
        rows = table[table["source"] == name].reset_index(drop=True)
        pages.append(build_source_page(folder, source, rows)[0])
    return [*pages, build_index_page(folder, numbers)]
