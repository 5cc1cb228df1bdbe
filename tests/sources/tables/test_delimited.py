"""Text tables in the ways in which programs save them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.sources.tables.delimited import delimited_rows
from brains45k.sources.tables.unreadable import UnreadableError

TABLE = "id,name\r\n1,Köln\r\n2,Lyon\r\n"
ROWS = [["1", "Köln"], ["2", "Lyon"]]


def recognise(header: Sequence[str]) -> str | None:
    return "towns" if [cell.strip().lower() for cell in header] == ["id", "name"] else None


def rows_of(folder: Path, content: bytes) -> list[list[str]]:
    path = folder / "a.csv"
    path.write_bytes(content)
    rows = []
    for table, row in delimited_rows(path, recognise):
        assert table == "towns"
        rows.append(row)
    return rows


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"],
)
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    assert rows_of(tmp_path, TABLE.encode(encoding)) == ROWS


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_separator_and_line_end(tmp_path: Path, separator: str, line_end: str) -> None:
    assert rows_of(tmp_path, TABLE.replace(",", separator).replace("\r\n", line_end).encode()) == ROWS


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("towns of a list\n\nid,name\n1,Köln\n2,Lyon\n", ROWS),
        ('id,name\n"1","Kö\nln"\n2,"a ""b"", c"\n', [["1", "Kö\nln"], ["2", 'a "b", c']]),
        ("id,name\n1\n2,Lyon,more\n\n", [["1"], ["2", "Lyon", "more"], []]),
        ("ID , Name \n1,Köln\n2,Lyon", ROWS),
        ("id,name\n", []),
        ("other,columns\n1,2\n", []),
        ("<!DOCTYPE html>\n<title>Log in</title>\n", []),
        ("\x00\x01\x02", []),
        ("x\n" * 20 + "id,name\n1,2\n", []),
    ],
)
def test_any_form(tmp_path: Path, content: str, rows: list[list[str]]) -> None:
    assert rows_of(tmp_path, content.encode()) == rows


def test_bytes_of_two_encodings_are_both_read(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b"id,name\n1,K\xc3\xb6ln\n2,K\xf6ln\n") == [["1", "Köln"], ["2", "Köln"]]


def test_what_comes_before_a_fault_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE + '3,"' + "x" * 200_000, encoding="utf-8", newline="")
    rows = delimited_rows(path, recognise)
    assert [next(rows)[1], next(rows)[1]] == ROWS
    with pytest.raises(UnreadableError, match="read only up to a line"):
        next(rows)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is empty"):
        rows_of(tmp_path, b"")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(TABLE.encode())
        file.truncate((256 << 20) + 1)
    with pytest.raises(UnreadableError, match="larger than 256 MiB"):
        list(delimited_rows(path, recognise))


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, known: bool
) -> None:
    try:
        rows = rows_of(tmp_path_factory.getbasetemp(), b"id,name\n" * known + content)
    except UnreadableError:
        return
    assert all(isinstance(cell.encode(), bytes) for row in rows for cell in row)
