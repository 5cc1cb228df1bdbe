"""Rows of a text table, in whatever encoding and with whatever separator it was saved."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
# Of Latin letters in UTF-16 every second byte is zero.
_UTF_16_ZEROS = (0.4, 0.6)
# A spreadsheet takes no longer cell. What csv itself refuses, from 128 Ki characters, ends the reading.
_MAX_CELL_CHARACTERS = 32_767
_MALFORMED = "has malformed rows, which are passed over"
_BROKEN = "is read only up to a line that is no row of a table"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a table was saved.

    Attributes
    ----------
    header_lines : int
        Lines up to the header, with it.
    width, filled_width : int
        Cells of the header, with and without empty ones at its end.
    """

    encoding: str
    separator: str
    header_lines: int
    width: int
    filled_width: int

    @property
    def errors(self) -> str:
        """How bytes are taken that the encoding does not have."""
        return "surrogateescape" if self.encoding == "utf-8-sig" else "replace"


def delimited_rows(
    path: Path, recognise: Callable[[Sequence[str]], T | None], complain: Callable[[str, str], None]
) -> Iterator[tuple[T, list[str]]]:
    """Yield what the header was recognised as with each row below it; nothing for a table that is not known.

    Empty rows are passed over, and malformed ones with a complaint: whose cells are not as many as the header's,
    because they would stand in the wrong columns, or which hold a NUL or, behind an open quote, another row.

    Parameters
    ----------
    path : Path
        A text file with one row per line, or on several where a cell is quoted.
    recognise : callable
        Takes a row and returns something if it is the header of a table that is wanted.
    complain : callable
        Takes a sentence and its detail, at the end, if there were malformed rows.

    Raises
    ------
    UnreadableError
        If the file is empty, too large, or at a row that is no row; those before it have been given.
    OSError
        If the file cannot be read.
    """
    encoding = _encoding_of(path)
    found = _find_header(path, encoding, recognise)
    if found is None:
        return
    table, form = found
    width = _usual_width(path, form)
    rows = malformed = 0
    try:
        for row in _rows(path, form):
            rows += 1
            if _is_sound(row, form, width):
                yield table, [cell if cell.isascii() else _mended(cell) for cell in row]
            else:
                malformed += 1
    finally:
        if malformed:
            complain(_MALFORMED, f"{malformed:,} of {rows:,}")


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
    low, high = _UTF_16_ZEROS
    if low <= head.count(0) / len(head) <= high:
        # The second byte of each pair is zero where the low byte comes first.
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    return "utf-8-sig"


def _find_header(path: Path, encoding: str, recognise: Callable[[Sequence[str]], T | None]) -> tuple[T, _Form] | None:
    """Find the header by trying each separator; return what it is, and how the table was saved.

    Raises
    ------
    UnreadableError
        If the header is found and its quotes are not sound.
    """
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        head = file.read(_HEAD_CHARACTERS).replace("\0", "")
    for separator in _SEPARATORS:
        rows = csv.reader(StringIO(head, newline=""), delimiter=separator)
        first_line = 0
        for row in islice(rows, HEADER_ROWS):
            table = recognise(row)
            if table is not None:
                _require_row(islice(StringIO(head, newline=""), first_line, rows.line_num), separator, first_line + 1)
                return table, _Form(encoding, separator, rows.line_num, len(row), _filled(row))
            first_line = rows.line_num
    return None


def _require_row(lines: Iterator[str], separator: str, number: int) -> None:
    """Require a header whose quotes are sound: it would else lack columns, or have those of the next row."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        raise UnreadableError(_BROKEN, f"line {number:,}: {error}") from error


def _rows(path: Path, form: _Form) -> Iterator[list[str]]:
    """Yield the rows below the header that are not empty.

    Raises
    ------
    UnreadableError
        At a quote that is not closed, or closed amid a cell: what is behind it cannot be told apart.
    """
    with path.open(encoding=form.encoding, errors=form.errors, newline="") as file:
        lines = islice(file, form.header_lines, None)
        rows = csv.reader(lines, delimiter=form.separator, strict=True)
        try:
            for row in rows:
                if any(map(str.strip, row)):
                    yield row
        except csv.Error as error:
            raise UnreadableError(_BROKEN, f"line {form.header_lines + rows.line_num:,}: {error}") from error


def _usual_width(path: Path, form: _Form) -> int:
    """Return how many cells a row is to have: the header's number, but where most rows leave out or add empty ones.

    One row that does so among others may as well lack a cell or have one too many.
    """
    # Under 0 those whose cells would not fit.
    widths: Counter[int] = Counter()
    with suppress(UnreadableError):
        widths.update(len(row) * _fits(row, form) for row in _rows(path, form))
    width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
    return width if width and 2 * count > widths.total() else form.width


def _filled(row: Sequence[str]) -> int:
    """Count a row's cells without the empty ones at its end."""
    count = len(row)
    while count and not row[count - 1].strip():
        count -= 1
    return count


def _fits(row: Sequence[str], form: _Form) -> bool:
    """Tell whether a row has all columns that have a name, and nothing beside them."""
    return len(row) >= form.filled_width and _filled(row) <= form.width


def _is_sound(row: Sequence[str], form: _Form, width: int) -> bool:
    return len(row) == width and _fits(row, form) and not any(_is_damaged(cell, form) for cell in row)


def _is_damaged(cell: str, form: _Form) -> bool:
    """Tell whether a cell holds a NUL or, behind an open quote, the next row: lines with as many separators as one."""
    if "\0" in cell or len(cell) > _MAX_CELL_CHARACTERS:
        return True
    return ("\n" in cell or "\r" in cell) and cell.count(form.separator) >= max(1, form.filled_width - 1)


def _mended(cell: str) -> str:
    """Return a cell whose bytes were not UTF-8 as what Windows and Latin-1 have for them."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return cell
