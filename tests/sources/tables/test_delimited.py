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


def read(folder: Path, content: bytes) -> tuple[list[list[str]], list[str]]:
    """Return the rows, and the complaints."""
    path = folder / "a.csv"
    path.write_bytes(content)
    rows, complaints = [], []
    for table, row in delimited_rows(path, recognise, lambda _, detail: complaints.append(detail)):
        assert table == "towns"
        rows.append(row)
    return rows, complaints


def rows_of(folder: Path, content: bytes) -> list[list[str]]:
    rows, complaints = read(folder, content)
    assert complaints == []
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
        ("id,name\n\n1,Köln\n,\n  \n,,,\n2,Lyon\n\n", ROWS),
        ('The "best" of "towns\nid,name\n1,Köln\n2,Lyon\n', ROWS),
        ('id,name\n1,6" of snow\n', [["1", '6" of snow']]),
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


@pytest.mark.parametrize(
    ("rows", "sound", "complaint"),
    [
        ("1,Köln\n2\n3,Lyon,more\n4,Rome\n", ["1", "4"], "2 of 4"),
        ("1,Köln\n2,Lyon,\n3,Rome\n", ["1", "3"], "1 of 3"),
        ("1,Köln,\n2,Lyon,\n3,Rome\n4,Bari,x\n5,Nice,\n", ["1", "2", "5"], "2 of 5"),
        ("1,a,Köln\n2,b,Lyon\n3,c,\n", [], "3 of 3"),
        ("1,Köln\n2,Ly\0on\n3,Rome\n", ["1", "3"], "1 of 3"),
        ("1,Köln\n\0\0\0\0", ["1"], "1 of 2"),
        ('1,Köln\n2,"Lyon\n3,Rome"\n4,Bari\n', ["1", "4"], "1 of 3"),
        ('1,Köln\n2,"Lyon\r3,Rome\r4,Bari"\n5,Nice\n', ["1", "5"], "1 of 3"),
        pytest.param(f"1,{'x' * 40_000}\n2,Lyon\n", ["2"], "1 of 2", id="long"),
        ("total: 2\n1,Köln\n2,Lyon\n", ["1", "2"], "1 of 3"),
    ],
)
def test_malformed_rows_are_counted_and_passed_over(
    tmp_path: Path, rows: str, sound: list[str], complaint: str
) -> None:
    found, complaints = read(tmp_path, f"id,name\n{rows}".encode())
    assert ([row[0] for row in found], complaints) == (sound, [complaint])


@pytest.mark.parametrize(
    "content",
    [
        "id,name,\n1,Köln,\n2,Lyon,\n",
        "id,name,,\n1,Köln\n2,Lyon\n",
        "id,name\n1,Köln,,\n2,Lyon,,\n",
        "id,name\n1,Köln,\n2,Lyon,\n3,\n",
    ],
)
def test_empty_cells_at_the_end_of_most_rows_are_tolerated(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    rows = delimited_rows(path, lambda header: list(header[:2]) == ["id", "name"] or None, lambda *_: None)
    assert [row[:2] for _, row in rows] == ROWS


@pytest.mark.parametrize(
    "rows",
    ['3,"Rome\n4,Bari\n5,Nice\n', '3,"Rome\n4,"Bari"\n5,Nice\n', '"3,"Rome"\n4,Bari\n'],
)
def test_behind_a_quote_that_does_not_close_nothing_is_read(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE + rows, encoding="utf-8", newline="")
    found = delimited_rows(path, recognise, lambda *_: None)
    assert [next(found)[1], next(found)[1]] == ROWS
    with pytest.raises(UnreadableError, match="read only up to a line"):
        next(found)


def test_a_header_whose_quote_does_not_close_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a title\nid,name,"note\n1,Rome,"warm"\n', encoding="utf-8")
    rows = delimited_rows(path, lambda header: header[0] == "id" or None, lambda *_: None)
    with pytest.raises(UnreadableError, match="read only up to a line") as raised:
        next(rows)
    assert raised.value.detail.startswith("line 2: ")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_table_with_a_nul_is_not_taken_for_another_encoding(tmp_path: Path, encoding: str) -> None:
    nul = "\0".encode(encoding)
    found, complaints = read(tmp_path, TABLE.encode() + nul + b"\r\n3,Rome\r\n")
    assert (found, complaints) == ([*ROWS, ["3", "Rome"]], ["1 of 4"])
    assert rows_of(tmp_path, b"\0" + TABLE.encode()) == ROWS


def test_what_comes_before_a_fault_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE + '3,"' + "x" * 200_000, encoding="utf-8", newline="")
    rows = delimited_rows(path, recognise, lambda *_: None)
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
        list(delimited_rows(path, recognise, lambda *_: None))


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, known: bool
) -> None:
    try:
        rows, _ = read(tmp_path_factory.getbasetemp(), b"id,name\n" * known + content)
    except UnreadableError:
        return
    assert all(isinstance(cell.encode(), bytes) for row in rows for cell in row)
