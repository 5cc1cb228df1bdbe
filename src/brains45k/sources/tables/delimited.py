"""Rows of a text table, in whatever encoding and with whatever separator it was saved."""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TypeVar

from brains45k.sources.tables.unreadable import UnreadableError

T = TypeVar("T")

_MAX_BYTES = 256 << 20
# Less than the longest cell that csv takes: a search for the header cannot fail.
_HEAD_CHARACTERS = 1 << 16
#: A header is looked for in so many rows: a title may stand above it.
HEADER_ROWS = 20
_SEPARATORS = (",", ";", "\t", "|")
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def delimited_rows(path: Path, recognise: Callable[[Sequence[str]], T | None]) -> Iterator[tuple[T, list[str]]]:
    """Yield what the header was recognised as with each row below it; nothing for a table that is not known.

    Parameters
    ----------
    path : Path
        A text file with one row per line, or on several where a cell is quoted.
    recognise : callable
        Takes a row and returns something if it is the header of a table that is wanted.

    Raises
    ------
    UnreadableError
        If the file is empty, too large, or at a row that is no row; those before it have been given.
    OSError
        If the file cannot be read.
    """
    encoding = _encoding_of(path)
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        found = _find_header(file.read(_HEAD_CHARACTERS), recognise)
    if found is None:
        return
    table, separator, first_row = found
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        try:
            for row in islice(rows, first_row, None):
                yield table, [cell if cell.isascii() else _mended(cell) for cell in row]
        except csv.Error as error:
            sentence = "is read only up to a line that is no row of a table"
            raise UnreadableError(sentence, f"line {rows.line_num:,}: {error}") from error


def _encoding_of(path: Path) -> str:
    """Tell the encoding by the file's first bytes."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(1024)
    if not head:
        raise UnreadableError("is empty")
    if size > _MAX_BYTES:
        raise UnreadableError(f"is not read, being larger than {_MAX_BYTES >> 20} MiB")
    with_mark = next((encoding for mark, encoding in _BOMS if head.startswith(mark)), None)
    if with_mark:
        return with_mark
    if 0 in head:
        # Every second byte of Latin letters in UTF-16 is null: the second one where the low byte comes first.
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    return "utf-8-sig"


def _find_header(head: str, recognise: Callable[[Sequence[str]], T | None]) -> tuple[T, str, int] | None:
    """Find the header by trying each separator; return what it is, the separator, and the first row below it."""
    for separator in _SEPARATORS:
        rows = csv.reader(StringIO(head, newline=""), delimiter=separator)
        for index, row in enumerate(islice(rows, HEADER_ROWS)):
            table = recognise(row)
            if table is not None:
                return table, separator, index + 1
    return None


def _mended(cell: str) -> str:
    """Return a cell whose bytes were not UTF-8 as what Windows and Latin-1 have for them."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return cell
