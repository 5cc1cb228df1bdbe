"""The files beside the pages: all that the templates name, written so that no reader sees half of one."""

import os
import re
from importlib import resources
from pathlib import Path

import jinja2
import pytest

from brains45k.report.assets import SCRIPTS, STYLES, THEME, render, write_text

PACKAGE = resources.files("brains45k.report").joinpath("assets")


def test_all_scripts_and_styles_are_put_into_pages() -> None:
    names = {entry.name for entry in PACKAGE.iterdir() if entry.is_file()}
    assert names == {*SCRIPTS, *STYLES, THEME}


def test_no_script_or_style_ends_its_element() -> None:
    for name in (*SCRIPTS, *STYLES, THEME):
        assert not re.search(r"</|<!--", PACKAGE.joinpath(name).read_text(encoding="utf-8")), name


def test_no_script_makes_html_of_text_or_code_of_it() -> None:
    for name in SCRIPTS:
        text = PACKAGE.joinpath(name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", text), name


def test_a_template_without_a_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("source.html.j2", {})


def test_a_text_that_is_there_stays_untouched(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.txt"
    write_text(path, "text")
    os.utime(path, ns=(0, 0))
    write_text(path, "text")
    assert path.stat().st_mtime_ns == 0
    write_text(path, "other\n")
    assert path.read_text(encoding="utf-8") == "other\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "text")
    finally:
        os.umask(mask)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
