"""Warnings summed up."""

from brains45k.sources.tables.unreadable import Complaints


def test_equal_warnings_are_one_line_with_the_first_example() -> None:
    complaints = Complaints()
    for index in range(1234):
        complaints.add("is no well-formed XML", f"{index}.xml", f"line {index}")
    complaints.add("is empty", "b.csv")
    assert complaints.lines() == (
        "0.xml: is no well-formed XML (line 0), and 1,233 more like it.",
        "b.csv: is empty.",
    )


def test_a_warning_of_a_files_own_is_a_line_for_each_file() -> None:
    complaints = Complaints()
    for file in ("a.csv", "b.csv"):
        complaints.add("has malformed rows", file, "1 of 3", alone=True)
    assert complaints.lines() == ("a.csv: has malformed rows (1 of 3).", "b.csv: has malformed rows (1 of 3).")


def test_a_line_is_one_line_whatever_the_files_name() -> None:
    complaints = Complaints()
    complaints.add("is empty", "a\nb\udcff\u202e.csv", "x\ty")
    (line,) = complaints.lines()
    assert line.isprintable()
    assert line.startswith("a\\nb\\udcff\\u202e.csv: is empty (x\\ty)")
