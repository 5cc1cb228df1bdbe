"""The pages of the reports: one for each source and one for the corpus, static files that open from disk."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import pandas as pd
from markupsafe import Markup

from brains45k.report import page_text
from brains45k.report.assets import render, source_scripts, write_text
from brains45k.report.charts import funnel_chart, histogram_chart, sequence_chart, sources_chart
from brains45k.report.numbers import UNKNOWN, CorpusNumbers, Distribution, Histogram, SourceNumbers
from brains45k.report.page_data import chunk_scripts, data_script, source_data

#: Quantities that have a histogram on a page.
_DRAWN = (
    "voxel_ul", "anisotropy", "stored_ml", "foreground_fraction", "clip_value", "mean", "std", "clip_ratio",
    "variation",
)  # fmt: skip
#: Outliers and pairs that stand on the page itself; the list has all.
_SHOWN = 12
_SECTIONS: Final = {
    "funnel": "Funnel", "expected": "Expected", "volumes-kept": "Kept", "scans": "Scans", "outliers": "Outliers",
    "remarks": "Remarks", "duplicates": "Duplicates", "browse": "All volumes", "terms": "Terms", "made": "Made by",
}  # fmt: skip
_LIBRARIES = ("brains45k", "altair", "vl-convert-python", "numpy", "pandas", "nibabel")
_CHUNK_DIGITS = 3


def build_source_page(folder: Path, numbers: SourceNumbers, table: pd.DataFrame) -> list[Path]:
    """Write the page of one source, with all columns of its rows beside it.

    Parameters
    ----------
    folder : Path
        Of the reports. Pictures are looked for in ``pictures/NAME-0000/VOLUME_ID.jpg`` below it.
    numbers : SourceNumbers
        What is said of the source.
    table : pandas.DataFrame
        The rows that the numbers were computed from.

    Returns
    -------
    list of Path
        What the page is made of, the page first; the same bytes for the same numbers, rows and pictures.
    """
    pictures = find_pictures(folder)
    histograms = list(_histograms(numbers))
    charts = {"funnel": funnel_chart(numbers.funnel, name="chart-funnel"), "histograms": histograms, "sequences": None}
    if numbers.accounts.kept:
        charts["sequences"] = sequence_chart(numbers.by_sequence, name="chart-sequences")
    values = _shared(pictures) | {
        "numbers": numbers, "charts": charts, "sections": _SECTIONS,
        "summary": page_text.source_summary(numbers), "things": page_text.source_things(numbers),
        "expected_sentence": page_text.expected_sentence(numbers),
        "address": partial(_address, numbers.name, pictures),
    }  # fmt: skip
    page = folder / f"{numbers.name}.html"
    data = data_script(source_data(table, numbers, pictures=pictures))
    write_text(page, render("source.html.j2", values, scripts=[*source_scripts(), data]))
    return [page, *_write_chunks(folder / "data", numbers.name, table)]


def build_index_page(folder: Path, numbers: CorpusNumbers) -> Path:
    """Write the page of the corpus.

    Parameters
    ----------
    folder : Path
        Of the reports, in which the sources' pages lie.
    numbers : CorpusNumbers
        What is said of the corpus.

    Returns
    -------
    Path
        The page.
    """
    pictures = find_pictures(folder)
    whole = numbers.whole
    charts = {
        "funnel": funnel_chart(whole.funnel, name="chart-funnel"),
        "sources": sources_chart(numbers.sources, name="chart-sources"),
        "sequences": sequence_chart(whole.by_sequence, name="chart-sequences") if whole.accounts.kept else None,
    }
    values = _shared(pictures) | {
        "numbers": numbers, "charts": charts, "rows": [*numbers.sources.items(), (whole.name, whole)],
        "sequences": list(_sequences(numbers)), "summary": page_text.corpus_summary(numbers),
        "things": page_text.corpus_things(numbers), "expected_sentences": page_text.paper_sentences(numbers.expected),
        "selection_sentence": page_text.selection_sentence(whole), "address": partial(_address, None, pictures),
    }  # fmt: skip
    page = folder / "index.html"
    write_text(page, render("index.html.j2", values))
    return page


def find_pictures(folder: Path) -> dict[str, str]:
    """Return the folder of each picture below ``pictures``, by ``volume_id``."""
    # A folder whose name begins with a dot is one that is being made.
    found = sorted((folder / "pictures").glob("[!.]*/*.jpg"))
    return {path.stem: path.parent.name for path in found}


def _shared(pictures: Mapping[str, str]) -> dict[str, Any]:
    """Return what both templates use."""
    return {
        "pictures": pictures, "link": _link, "filter_value": _filter_value, "bins": _bins, "web": _web,
        "size": page_text.size_text, "shown": _SHOWN, "versions": _versions(),
    }  # fmt: skip


def _histograms(numbers: SourceNumbers) -> Iterator[tuple[Distribution, Markup]]:
    for column in _DRAWN:
        distribution = numbers.distributions[column]
        if distribution.count:
            outliers = [outlier for outlier in numbers.outliers.found if outlier.column == column]
            yield distribution, histogram_chart(distribution, outliers, name=f"chart-{column}")


def _sequences(numbers: CorpusNumbers) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield each sequence that is kept, with its count in each source and in all."""
    groups = {**numbers.sources, numbers.whole.name: numbers.whole}
    kept = {name: {one.label: one.kept for one in group.by_sequence} for name, group in groups.items()}
    for sequence in numbers.whole.by_sequence:
        if sequence.kept:
            yield sequence.label, [(name, counts.get(sequence.label, 0)) for name, counts in kept.items()]


def _write_chunks(data: Path, name: str, table: pd.DataFrame) -> Iterator[Path]:
    """Write the scripts that hold all columns of some rows each, and remove those that a longer table left."""
    data.mkdir(parents=True, exist_ok=True)
    written = []
    for number, script in enumerate(chunk_scripts(table)):
        written.append(data / f"{name}-{number:0{_CHUNK_DIGITS}}.js")
        write_text(written[-1], script)
    of_source = re.compile(re.escape(name) + rf"-\d{{{_CHUNK_DIGITS},}}\.js")
    for other in set(data.iterdir()) - set(written):
        if of_source.fullmatch(other.name):
            other.unlink()
    yield from written


def _link(filters: Mapping[str, Any]) -> str:
    """Return the address of a list: what stands behind ``#`` is read by ``state.js``."""
    return f"#{urlencode(filters)}"


def _filter_value(column: str, label: str) -> str:
    """Return the value that rows are filtered by, of the label of a count."""
    if label == UNKNOWN:
        return ""
    return label.casefold() if column == "manufacturer" else label


def _address(page: str | None, pictures: Mapping[str, str], source: str | None, volume_id: str) -> str:
    """Return the address of a volume, on this page or on its source's; empty where its source is not known."""
    # A picture lies in a folder that is called as its shard: source, hyphen, number.
    source = source or pictures.get(volume_id, "").rpartition("-")[0]
    link = _link({"id": volume_id})
    if source == page:
        return link
    return f"{quote(source)}.html{link}" if source else ""


def _bins(histogram: Histogram) -> Iterator[tuple[float, float, int]]:
    """Yield lower edge, upper edge and count of the bins that are not empty."""
    for low, high, count in zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True):
        if count:
            yield low, high, count


def _web(address: str) -> str:
    """Return an address that leads into the web, and nothing for one that would run as a script."""
    return address if urlsplit(address).scheme in ("http", "https") else ""


def _versions() -> dict[str, str]:
    """Return the versions of what makes pages and voxels, as far as it is installed."""
    installed = {name: _version(name) for name in _LIBRARIES}
    return {name: version for name, version in installed.items() if version}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
