"""All tables of a download: what is damaged costs one line of warning, and nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.tables.ida import COLLECTION_HEADER, STUB, collection_row, idaxs, imaging, write

from brains45k.sources.facts import Facts
from brains45k.sources.tables import read_tables

KINDS = ("loni", "oasis", "brats_mapping")
GOOD = COLLECTION_HEADER + collection_row("I1", "3000", "BL", "MPRAGE")
IMAGE = "PPMI/3000/MPRAGE/2012-05-10_15_44_50.0/I1/a.nii"
KNOWN = Facts(description="MPRAGE", visit="BL")


def quoted(text: str) -> str:
    return text.replace('"', "")


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        (GOOD + collection_row("I2", "3000", "BL", "Hôpital")).encode("latin-1"),
        quoted(GOOD).replace(",", ";").encode(),
        quoted(GOOD).replace(",", "\t").encode(),
        GOOD.replace("\n", "\r\n").encode(),
        (GOOD + GOOD.splitlines(keepends=True)[1] * 3).encode(),
        b"Visit,Image Data ID,More,Description,Subject\nBL,1,x,MPRAGE,3000\n",
        b'"Image Data ID","Subject","Visit","Note","Description"\nI1,3000,BL,"two\nlines",MPRAGE\n',
        (GOOD + "\n,,,,,,,,,,,\n").encode(),
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    tables = read_tables(KINDS, tmp_path, [write(tmp_path, "renamed.tsv", content)])
    assert tables.facts_of(IMAGE, {}) == KNOWN
    assert tables.warnings == ()


@pytest.mark.parametrize(
    ("name", "content", "warning"),
    [
        ("bad.csv", "", "bad.csv: is empty."),
        ("bad.xml", "", "bad.xml: is empty."),
        ("bad.xlsx", "", "bad.xlsx: is empty."),
        ("bad.xlsx", "no zip", "bad.xlsx: is no workbook (BadZipFile)."),
        ("bad.xml", "<a>\n<b>", "bad.xml: is no well-formed XML (line 2)."),
        ("bad.xml", "<!DOCTYPE a><a/>", "bad.xml: is not read, because it declares a document type."),
        (
            "bad.csv",
            COLLECTION_HEADER + collection_row("x", "3000", "BL", "T1"),
            "bad.csv: has rows without an id by which an image could be found.",
        ),
        ("bad.csv", "Image Data ID,Age\n", None),
        ("bad.csv", "<!DOCTYPE html><title>Log in</title>", None),
        ("bad.csv", b"\x00" * 1000, None),
        ("bad.xml", STUB, None),
        ("._bad.xlsx", b"\x00\x05\x16\x07", None),
        ("__MACOSX/bad.xml", b"\x00\x05\x16\x07", None),
    ],
)
def test_a_damaged_table_costs_a_line_at_most(tmp_path: Path, name: str, content: str | bytes, warning: str) -> None:
    tables = read_tables(KINDS, tmp_path, [write(tmp_path, "good.csv", GOOD), write(tmp_path, name, content)])
    assert tables.facts_of(IMAGE, {}) == KNOWN
    assert tables.warnings == ((warning,) if warning else ())


ROW = collection_row("I2", "3001", "V04", "T2")


@pytest.mark.parametrize(
    "row",
    [
        ROW.replace('"CN",', ""),
        ROW.replace('"CN"', '"CN","MCI"'),
        ROW.replace('"CN"', '"C\0N"'),
        ROW.replace("V04", "V,04").replace('"', ""),
    ],
)
def test_malformed_rows_say_nothing_and_are_counted(tmp_path: Path, row: str) -> None:
    name = write(tmp_path, "a.csv", GOOD + row + collection_row("I3", "3002", "V05", "T1"))
    other = write(tmp_path, "b.csv", COLLECTION_HEADER + row * 2)
    tables = read_tables(KINDS, tmp_path, [name, other])
    assert tables.facts_of(IMAGE, {}) == KNOWN
    assert tables.facts_of(IMAGE.replace("I1", "I2"), {}) == Facts()
    assert tables.facts_of(IMAGE.replace("I1", "I3"), {}) == Facts(description="T1", visit="V05")
    assert tables.warnings == (
        "a.csv: has malformed rows, which are passed over (1 of 3).",
        "b.csv: has malformed rows, which are passed over (2 of 2).",
    )


@pytest.mark.parametrize("place", [0, 1, 5, 7, 11])
@pytest.mark.parametrize("quote", ['"', ""])
def test_a_quote_that_does_not_close_gives_nothing_wrong(tmp_path: Path, place: int, quote: str) -> None:
    cells = [f"{quote}{cell}{quote}" for cell in ROW.replace('"', "").strip().split(",")]
    cells[place] = '"' + cells[place].strip('"')
    behind = collection_row("I3", "3002", "V05", "T1").replace('"', quote)
    tables = read_tables(KINDS, tmp_path, [write(tmp_path, "a.csv", GOOD + ",".join(cells) + "\n" + behind)])
    assert tables.facts_of(IMAGE, {}) == KNOWN
    for image in ("I2", "I3"):
        assert tables.facts_of(IMAGE.replace("I1", image), {}) == Facts()
    (warning,) = tables.warnings
    assert warning.startswith("a.csv: is read only up to a line that is no row of a table (line ")


def test_stubs_are_counted(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{index}.xml", STUB) for index in range(3)]
    full = write(tmp_path, "full.xml", idaxs("3000", "Baseline", "9", raw=imaging("1", "MPRAGE")))
    tables = read_tables(["loni"], tmp_path, [*files, full])
    assert tables.stubs == 3
    assert tables.warnings == ()
    assert tables.facts_of(IMAGE, {}).visit == "BL"


def test_many_warnings_of_one_kind_are_one_line(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{index:03d}.xml", "<a>") for index in range(120)]
    (warning,) = read_tables(["loni"], tmp_path, files).warnings
    assert warning == "000.xml: is no well-formed XML (line 1), and 119 more like it."


def test_rows_that_contradict_each_other_lose_what_they_contradict(tmp_path: Path) -> None:
    again = collection_row("1", "3000", "V04", "MPRAGE")
    tables = read_tables(["loni"], tmp_path, [write(tmp_path, "a.csv", GOOD + again)])
    assert tables.facts_of(IMAGE, {}) == Facts(description="MPRAGE")
    assert tables.warnings == (
        "a.csv: contradicts what was read before it, and neither is taken (image 1, collection: visit).",
    )


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "a.csv", GOOD),
        write(tmp_path, "b.csv", COLLECTION_HEADER + collection_row("1", "3000", "V04", "T2")),
        write(tmp_path, "c.xml", "<a>"),
    ]
    one, other = (read_tables(["loni"], tmp_path, order) for order in (files, files[::-1]))
    assert one.warnings == other.warnings
    assert one.facts_of(IMAGE, {}) == other.facts_of(IMAGE, {})


def test_only_kinds_asked_for_are_read(tmp_path: Path) -> None:
    files = [write(tmp_path, "a.csv", GOOD), write(tmp_path, "b.xml", "<a>"), write(tmp_path, "c.xlsx", "x")]
    for kinds in ((), ("oasis",)):
        assert read_tables(kinds, tmp_path, files).facts_of(IMAGE, {}) == Facts()
    assert read_tables((), tmp_path, files).warnings == ()


def test_what_cannot_be_opened_costs_a_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.xml").symlink_to("nowhere")
    (tmp_path / "folder.xlsx").mkdir()
    files = ["pipe.csv", "link.xml", "folder.xlsx", "gone.csv", f"{'a' * 300}.csv", "bad\x00name.csv"]
    warnings = read_tables(["loni"], tmp_path, files).warnings
    assert len(warnings) == 2
    assert any("is no file" in warning and "4 more" in warning for warning in warnings)
    assert any("cannot be read" in warning for warning in warnings)


def test_a_file_that_may_not_be_read_costs_a_line(tmp_path: Path) -> None:
    name = write(tmp_path, "a.csv", GOOD)
    (tmp_path / name).chmod(0)
    if os.access(tmp_path / name, os.R_OK):
        pytest.skip("this user may read everything")
    (warning,) = read_tables(["loni"], tmp_path, [name]).warnings
    assert warning == "a.csv: cannot be read (Permission denied)."


@given(
    st.binary(max_size=100),
    st.sampled_from(["a.csv", "a.tsv", "a.xml", "a.xlsx"]),
    st.sampled_from([b"", COLLECTION_HEADER.encode(), b"filename,MagneticFieldStrength\n", b"BraTS2021,BraTS2020\n"]),
)
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str, head: bytes) -> None:
    root = tmp_path_factory.getbasetemp()
    tables = read_tables(KINDS, root, [write(root, name, head + content)])
    assert all(line.startswith(f"{name}: ") and line.isprintable() for line in tables.warnings)
    tables.facts_of(IMAGE, {"subject": "BraTS2021_00000"})


@given(st.text(), st.dictionaries(st.sampled_from(["subject", "scan"]), st.text()))
def test_no_path_raises(path: str, fields: dict[str, str]) -> None:
    assert read_tables(KINDS, Path(), []).facts_of(path, fields) == Facts()
