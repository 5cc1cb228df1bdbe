"""Workbooks: any sheet, any damage, and bombs."""

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.tables.sheets import workbook

from brains45k.sources.tables.unreadable import UnreadableError
from brains45k.sources.tables.workbook import workbook_rows


def recognise(header: Sequence[str]) -> str | None:
    return "towns" if list(header[:2]) == ["id", "name"] else None


def repacked(content: bytes, name: str, *, old: bytes, new: bytes) -> bytes:
    """Change one member of a workbook."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as copy:
        for member in archive.namelist():
            data = archive.read(member)
            copy.writestr(member, data.replace(old, new) if member == name else data)
    return packed.getvalue()


TOWNS = workbook([["title"], ["id", "name"], [1, "Köln"], [2.0, None], [2.5, "Lyon", "more"]])
ROWS = [["1", "Köln"], ["2"], ["2.5", "Lyon", "more"]]
SHEET = "xl/worksheets/sheet1.xml"


def rows_of(folder: Path, content: bytes) -> list[list[str]]:
    path = folder / "a.xlsx"
    path.write_bytes(content)
    return [row for _, row in workbook_rows(path, recognise)]


def test_rows_below_the_header_are_read(tmp_path: Path) -> None:
    assert rows_of(tmp_path, TOWNS) == ROWS


def test_every_sheet_is_looked_at(tmp_path: Path) -> None:
    content = workbook([["read me"]], [["id", "name"], [1, "a"]], [["id", "name"], [2, "b"]])
    assert rows_of(tmp_path, content) == [["1", "a"], ["2", "b"]]


def test_a_sheet_that_understates_its_size_is_read_whole(tmp_path: Path) -> None:
    content = repacked(TOWNS, SHEET, old=b'<dimension ref="A1:C5"', new=b'<dimension ref="A1"')
    assert content != TOWNS
    assert rows_of(tmp_path, content) == ROWS


def zip_of(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def lying(content: bytes) -> bytes:
    """Let the largest member declare one byte, in both of its headers."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = max(member.file_size for member in archive.infolist())
    assert content.count(struct.pack("<I", size)) == 2
    return content.replace(struct.pack("<I", size), struct.pack("<I", 1))


BOMB = bytes(40 << 20)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "is no workbook"),
        (b"\xd0\xcf\x11\xe0 an old .xls", "is no workbook"),
        (b"<!DOCTYPE html>", "is no workbook"),
        (TOWNS[: len(TOWNS) // 2], "is no workbook"),
        (zip_of(a=b"b"), "is no workbook that can be read"),
        (zip_of(a=BOMB), "unpacks to far more"),
        (lying(zip_of(a=BOMB)), "is no workbook"),
        (zip_of(**{f"{index}": b"" for index in range(1001)}), "unpacks to far more"),
        (
            repacked(TOWNS, SHEET, old=b"<worksheet", new=b'<!DOCTYPE x [<!ENTITY e "e">]><worksheet'),
            "declares entities",
        ),
        (repacked(TOWNS, SHEET, old=b"</row>", new=b"</rov>"), "is no workbook that can be read"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableError, match=sentence):
        rows_of(tmp_path, content)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        file.truncate((32 << 20) + 1)
    with pytest.raises(UnreadableError, match="larger than 32 MiB"):
        list(workbook_rows(path, recognise))


@given(st.integers(0, len(TOWNS) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_is_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: bytes
) -> None:
    content = TOWNS[:place] + damage + TOWNS[place + len(damage) :]
    try:
        rows = rows_of(tmp_path_factory.getbasetemp(), content)
    except UnreadableError:
        return
    assert all(isinstance(cell, str) for row in rows for cell in row)
