"""A file on its way: what is written, read again, kept and locked."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.fetching import CONTENT, sums

from brains45k.errors import CallError
from brains45k.fetch.part import Mark, Part, differing

MARK = Mark(url="https://host.org/a", validator='"v"', total_bytes=9)


def part(folder: Path, checksums: Mapping[str, str] | None = None) -> Part:
    return Part(folder / "a", checksums or {}, lambda _bytes: None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_hidden_until_it_is_published(tmp_path: Path) -> None:
    with part(tmp_path) as file:
        file.restart(MARK)
        file.append(b"one")
        assert names(tmp_path) == [".a.part", ".a.part.json"]
        file.publish()
    assert names(tmp_path) == ["a"]


def test_it_stays_when_something_goes_wrong(tmp_path: Path) -> None:
    def begin() -> None:
        with part(tmp_path) as file:
            file.restart(MARK)
            file.append(b"one")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()
    with part(tmp_path) as file:
        assert (file.length, file.mark(), file.head()) == (3, MARK, b"one")
        file.append(b"two")
        file.publish()
    assert (tmp_path / "a").read_bytes() == b"onetwo"


def test_nothing_stays_of_what_never_came(tmp_path: Path) -> None:
    with part(tmp_path) as file:
        file.restart(MARK)
    with part(tmp_path) as file:
        file.append(b"wrong")
        file.discard()
    assert names(tmp_path) == []


@pytest.mark.parametrize("there_bytes", [0, 1, 60_000])
def test_checksums_are_those_of_the_whole_however_it_came(tmp_path: Path, there_bytes: int) -> None:
    if there_bytes:
        (tmp_path / ".a.part").write_bytes(CONTENT[:there_bytes])
    expected = sums(CONTENT)
    with part(tmp_path, expected) as file:
        for start in range(there_bytes, len(CONTENT), 7001):
            file.append(CONTENT[start : start + 7001])
        assert file.differing(expected) == ""
        file.append(b"x")
        assert file.differing(expected).startswith("md5 is ")
        file.discard()
        file.append(CONTENT)
        assert file.differing(expected) == ""


def test_it_belongs_to_one_run(tmp_path: Path) -> None:
    with part(tmp_path) as file:
        file.append(b"one")
        with pytest.raises(CallError, match="another run is fetching it"), part(tmp_path):
            pass
        assert file.head() == b"one"
    with part(tmp_path) as file:
        assert file.length == 3


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    with pytest.raises(CallError, match="b/a: cannot be written"), part(tmp_path / "b"):
        pass


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="File name too long"), Part(tmp_path / ("a" * 255), (), lambda _bytes: None):
        pass


def test_checksums_differ_by_value_not_by_case() -> None:
    assert differing({"md5": "ab"}, {"md5": " AB "}) == ""
    assert differing({"md5": "ab", "sha1": "cd"}, {"sha1": "ef"}) == "sha1 is cd, expected ef"
