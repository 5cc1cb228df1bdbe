"""XML files of the archive: stubs, damage and bombs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.tables.ida import PROTOCOL, STUB, idaxs, imaging

from brains45k.sources.tables.ida_xml import Description, read_ida_xml
from brains45k.sources.tables.unreadable import UnreadableError

FULL = idaxs("3051", "Baseline", "105", raw=imaging("223766", "SAG 3D T1"))
DESCRIBED = Description("223766", "105", "3051", "Baseline", "SAG 3D T1", PROTOCOL)


def read(folder: Path, content: str | bytes) -> list[Description] | None:
    path = folder / "a.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_ida_xml(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_full_file_is_read(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    content = FULL.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoding)
    assert read(tmp_path, content) == [DESCRIBED]


def test_a_prefix_of_the_namespace_changes_nothing(tmp_path: Path) -> None:
    content = FULL.replace("<idaxs xmlns=", "<ida:idaxs xmlns:ida=").replace("</idaxs>", "</ida:idaxs>")
    assert read(tmp_path, content) == [DESCRIBED]


def test_a_stub_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, STUB) is None


@pytest.mark.parametrize(
    "content", ["<html><body>Log in</body></html>", "<metadata/>", "<idaxs/>", "<a><subject/></a>"]
)
def test_a_file_about_something_else_is_passed_over(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == []


LAUGHS = "".join(f'<!ENTITY l{index} "{f"&l{index - 1};" * 10}">' for index in range(1, 12))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("not xml", "no well-formed"),
        (FULL[:-20], "no well-formed"),
        (FULL.replace("SAG 3D", "SAG & 3D"), "no well-formed"),
        (FULL.replace("SAG 3D", "&undeclared;"), "no well-formed"),
        (FULL.replace('encoding="UTF-8"', 'encoding="no-such"'), "encoding|no well-formed"),
        (FULL.replace('encoding="UTF-8"', 'encoding="euc-jp"'), "encoding|no well-formed"),
        (f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><idaxs>&l11;</idaxs>', "declares a document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><idaxs>&x;</idaxs>', "declares a document type"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><idaxs/>', "declares a document type"),
        ("<a/>" + " " * (4 << 20), "larger than 4 MiB"),
        ("<a>" + "<b/>" * 50_000 + "</a>", "more than 50,000 elements"),
        ("<a>" * 60_000, "more than 50,000 elements"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(UnreadableError, match=sentence):
        read(tmp_path, content)


def test_a_deep_file_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "<a>" * 40_000 + "</a>" * 40_000) == []


@given(st.binary(max_size=100), st.integers(0, len(FULL)))
def test_arbitrary_bytes_are_descriptions_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int
) -> None:
    for damaged in (content, FULL[:place].encode() + content + FULL[place:].encode()):
        try:
            described = read(tmp_path_factory.getbasetemp(), damaged)
        except UnreadableError:
            continue
        assert described is None or len(described) <= 1
