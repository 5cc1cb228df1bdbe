"""Rows of a workbook (.xlsx), which is a zip of XML and may be a bomb of either."""

import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import openpyxl

from brains45k.sources.tables.delimited import HEADER_ROWS
from brains45k.sources.tables.unreadable import UnreadableError

T = TypeVar("T")

_MAX_BYTES = 32 << 20
_MAX_UNPACKED_BYTES = 32 << 20
_PIECE_BYTES = 1 << 16
_MAX_MEMBERS = 1000
_MAX_SHEETS = 16
_MAX_ROWS = 100_000
_MAX_COLUMNS = 64


def workbook_rows(path: Path, recognise: Callable[[Sequence[str]], T | None]) -> Iterator[tuple[T, list[str]]]:
    """Yield what each sheet's header was recognised as with each row below it; at most 100,000 rows a sheet.

    Raises
    ------
    UnreadableError
        If it is no workbook, or unpacks to more than a table of this kind needs.
    OSError
        If the file cannot be read.
    """
    for sheet in _sheets(_repacked(_content_of(path))):
        table = None
        for index, row in enumerate(sheet):
            if table is not None:
                yield table, row
            elif index < HEADER_ROWS:
                table = recognise(row)


def _content_of(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if not content:
        raise UnreadableError("is empty")
    if len(content) > _MAX_BYTES:
        raise UnreadableError(f"is not read, being larger than {_MAX_BYTES >> 20} MiB")
    return content


def _repacked(content: bytes) -> BytesIO:
    """Unpack to no more than is declared and pack again, uncompressed: openpyxl would inflate whatever comes.

    Raises
    ------
    UnreadableError
        If it is no zip, declares too much, or its XML declares entities.
    """
    packed = BytesIO()
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(packed, "w") as copy:
            members = archive.infolist()
            bomb = len(members) > _MAX_MEMBERS or sum(member.file_size for member in members) > _MAX_UNPACKED_BYTES
            for member in () if bomb else members:
                copy.writestr(member.filename, _unpacked(archive, member))
    except Exception as error:  # zipfile lets errors of zlib, struct, Unicode and its own through
        raise UnreadableError("is no workbook", type(error).__name__) from error
    if bomb:
        raise UnreadableError("is not read, because it unpacks to far more than a table")
    if b"<!DOCTYPE" in packed.getvalue():
        raise UnreadableError("is not read, because its XML declares entities")
    return packed


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as stream:
        # In pieces: at once, the whole of a stream that is longer than it declares would be inflated.
        return b"".join(iter(lambda: stream.read(_PIECE_BYTES), b""))


def _sheets(content: BytesIO) -> list[list[list[str]]]:
    """Read all sheets."""
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and extensions that no table needs.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(content, read_only=True, data_only=True)
            sheets = [[_cells(row) for row in _rows(sheet)] for sheet in book.worksheets[:_MAX_SHEETS]]
            book.close()
    except Exception as error:  # whatever a damaged workbook makes of openpyxl
        raise UnreadableError("is no workbook that can be read", type(error).__name__) from error
    return sheets


def _rows(sheet: Any) -> Iterable[tuple[object, ...]]:
    # What a sheet says of its own size is not always right.
    sheet.reset_dimensions()
    rows: Iterable[tuple[object, ...]] = sheet.iter_rows(max_row=_MAX_ROWS, max_col=_MAX_COLUMNS, values_only=True)
    return rows


def _cells(row: Sequence[object]) -> list[str]:
    """Return a row without the empty cells at its end, which openpyxl adds up to the last column asked for."""
    cells = [_text(cell) for cell in row]
    return cells[: max((index + 1 for index, cell in enumerate(cells) if cell), default=0)]


def _text(cell: object) -> str:
    """Return a cell as text; a whole number without the decimals that a workbook gives it."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
