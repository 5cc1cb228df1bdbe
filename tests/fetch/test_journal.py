"""The record of a root: what is done stays done, whenever a run is killed."""

from pathlib import Path

import pytest

from brains45k.fetch.journal import JOURNAL, Done, Journal, digest_of, unfinished
from brains45k.fetch.remote import Remote

FILE = Remote(url="http://host/a.zip?signature=1", path="a.zip")


def test_a_new_root_has_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not there yet")
    assert (journal.begun, journal.unfinished, journal.is_complete("d"), journal.done(FILE)) == (
        False,
        False,
        False,
        None,
    )
    assert not unfinished(tmp_path / "not there yet")
    assert not (tmp_path / "not there yet").exists()


def test_what_is_noted_is_found_by_the_next_run(tmp_path: Path) -> None:
    journal, other = Journal(tmp_path), Remote(url="http://host/b", path="a\u00e9 b.zip", bytes=3)
    journal.begin("d")
    journal.add(other, Done(7, archive=True))
    again = Journal(tmp_path)
    assert (again.begun, again.unfinished, again.done(other), again.done(FILE)) == (True, True, Done(7, True), None)
    again.end("d")
    assert Journal(tmp_path).is_complete("d")
    assert not unfinished(tmp_path)


def test_another_list_is_not_complete(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("d")
    journal.end("d")
    assert [Journal(tmp_path).is_complete(digest) for digest in ("d", "e")] == [True, False]
    assert [Journal(tmp_path).knows_another(digest) for digest in ("d", "e")] == [False, True]
    journal.begin("e")
    assert [Journal(tmp_path).knows_another(digest) for digest in ("d", "e")] == [True, True]


def test_files_behind_the_end_begin_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.end("d")
    journal.begin("d")
    assert not Journal(tmp_path).is_complete("d")
    assert unfinished(tmp_path)


def test_an_archive_of_a_person_undoes_no_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("d")
    journal.end("d")
    journal.keep("a\udce9.zip 7 1", images=True)
    again = Journal(tmp_path)
    assert again.is_complete("d")
    assert (again.keeps("a\udce9.zip 7 1"), again.keeps("a.zip 7 1")) == (True, False)
    assert again.has_images("a\udce9.zip 7 1")


def test_a_file_is_the_same_by_its_sums_or_else_by_its_address(tmp_path: Path) -> None:
    known = Remote(url="http://host/b", path="b", checksums={"md5": "0a"})
    journal = Journal(tmp_path)
    journal.add(FILE, Done(7, archive=False))
    journal.add(known, Done(7, archive=False))
    assert journal.done(Remote(url="http://host/a.zip?signature=2", path="a.zip"))
    assert journal.done(Remote(url="http://mirror/b", path="b", checksums={"md5": "0a"}))
    assert not journal.done(Remote(url="http://host/v2/a.zip", path="a.zip"))
    assert not journal.done(Remote(url="http://host/b", path="b", checksums={"md5": "0b"}))


def test_the_digest_heeds_values_and_not_their_order() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1, "b": [3]})


@pytest.mark.parametrize("torn", ['{"path": "b.zi\n[]\n', '{"path": "b.zi'])
def test_an_unfinished_line_counts_for_nothing(torn: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("d")
    with (tmp_path / JOURNAL).open("a") as file:
        file.write(torn)
    Journal(tmp_path).end("d")
    assert Journal(tmp_path).is_complete("d")


def test_a_journal_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not unfinished(tmp_path / "file")
    (tmp_path / JOURNAL).symlink_to(JOURNAL)
    assert not unfinished(tmp_path)
