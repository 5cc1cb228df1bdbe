"""The record of a root: what is done stays done, whenever a run is killed."""

from pathlib import Path

from brains45k.fetch.journal import JOURNAL, Journal


def test_a_new_root_has_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not there yet")
    assert (journal.begun, journal.complete, journal.has("a.zip")) == (False, False, False)
    assert not (tmp_path / "not there yet").exists()


def test_what_is_noted_is_found_by_the_next_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin()
    journal.done("a\udce9.zip", 7)
    again = Journal(tmp_path)
    assert (again.begun, again.complete, again.has("a\udce9.zip"), again.has("b.zip")) == (True, False, True, False)
    again.end()
    assert Journal(tmp_path).complete


def test_files_behind_the_end_begin_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.end()
    journal.begin()
    assert not Journal(tmp_path).complete


def test_an_unfinished_line_counts_for_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin()
    journal.done("a.zip", 7)
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"path": "b.zi\n[]\n')
    again = Journal(tmp_path)
    assert (again.begun, again.has("a.zip"), again.has("b.zip")) == (True, True, False)
