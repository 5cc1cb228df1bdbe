"""A manifest's rows as the viewer asks for them: one by name, or a page of those that a search finds."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from brains45k.corpus.manifest import Status, metadata_of, read_manifest

#: Rows of a page of the list.
PAGE_ROWS = 100

_SEARCHED = (
    "volume_id",
    "source",
    "subject",
    "session",
    "series",
    "suffix",
    "contrast_agent",
    "channel",
    "source_path",
    "reason",
    "description",
)
_LISTED = ("volume_id", "source", "subject", "session", "series", "suffix", "channel", "status", "reason")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """What a list is to hold: rows in which every word occurs, of one status and one source where they are named."""

    words: str = ""
    status: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the rows that a search finds.

    Attributes
    ----------
    total : int
        Rows that the search finds.
    offset : int
        How many of them come before this page.
    place : int or None
        Which of them the volume is that was asked for; None where the search does not find it.
    rows : list of dict
        At most :data:`PAGE_ROWS`, with what a list shows.
    """

    total: int
    offset: int
    place: int | None
    rows: list[Row]


class Catalogue:
    """All rows of a manifest, kept or not, in its order.

    Threads may share one.

    Parameters
    ----------
    manifest : Path
        The corpus's manifest, or one source's.

    Raises
    ------
    DataError
        If the manifest is missing, damaged or of another version.
    """

    def __init__(self, manifest: Path) -> None:
        self._table: pa.Table = read_manifest(manifest)
        #: Shards are named relative to it.
        self.folder = manifest.absolute().parent.parent
        #: Every shard carries it.
        self.build_id = metadata_of(self._table).get("build_id", "")
        self._numbers = {name: number for number, name in enumerate(self._column("volume_id"))}
        self._statuses, self._sources = self._column("status"), self._column("source")
        columns = [self._column(name) for name in _SEARCHED]
        # A line break keeps a word from being found across two columns.
        self._texts = ["\n".join(filter(None, values)).casefold() for values in zip(*columns, strict=True)]
        self._found = lru_cache(maxsize=16)(self._find)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._statuses)

    def __contains__(self, volume_id: str) -> bool:
        """Tell whether there is a row of this name."""
        return volume_id in self._numbers

    def row(self, volume_id: str) -> Row:
        """Return all columns of one row.

        Raises
        ------
        KeyError
            If there is none of this name.
        """
        row: Row = self._table.slice(self._numbers[volume_id], 1).to_pylist()[0]
        return row

    def sources(self) -> list[str]:
        """Return the names of the sources."""
        return sorted(set(self._sources))

    def counts(self) -> dict[str, int]:
        """Return how many rows have each status."""
        return {status.value: self._statuses.count(status) for status in Status}

    def page(self, search: Search, *, offset: int = 0, volume_id: str = "") -> Page:
        """Return the page that holds a volume if the search finds it, or else the row at ``offset``."""
        found = self._found(search)
        number = self._numbers.get(volume_id)
        place = found.get(number) if number is not None else None
        first = offset if place is None else place
        first -= first % PAGE_ROWS
        numbers = list(found)[first : first + PAGE_ROWS]
        rows = self._table.select(_LISTED).take(pa.array(numbers, pa.int64())).to_pylist()
        return Page(len(found), first, place, rows)

    def _find(self, search: Search) -> dict[int, int]:
        """Return the numbers of the rows that are found, each with its place among them."""
        words = search.words.casefold().split()
        found = (
            number
            for number, text in enumerate(self._texts)
            if all(word in text for word in words)
            and search.status in ("", self._statuses[number])
            and search.source in ("", self._sources[number])
        )
        return {number: place for place, number in enumerate(found)}

    def _column(self, name: str) -> list[Any]:
        column: list[Any] = self._table.column(name).to_pylist()
        return column
