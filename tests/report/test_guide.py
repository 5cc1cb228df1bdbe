"""The guides: complete, true to the source files, sound Markdown, and the same as in the documentation."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from support.small_corpus import document, tiny_source, write_catalog

from brains45k import cli
from brains45k.report.guide import COMMAND, guide_index, guide_text, load_sources
from brains45k.sources.catalog import Source, load_source

ROOT = Path(__file__).parents[2]
CATALOG, DOCS = ROOT / "config/sources", ROOT / "docs/sources"
NAMES = tuple(sorted(path.stem for path in CATALOG.glob("*.yaml")))
TERMINAL_COLUMNS = 80
#: The guide says these in other words.
WORDS_FOR_MACHINES = {"open", "account", "by_hand", "files", "dataverse", "xnat", "synapse", "*.zip"}


@cache
def source_of(name: str) -> Source:
    return load_source(CATALOG / f"{name}.yaml")


@cache
def guide_of(name: str) -> str:
    return guide_text(source_of(name))


def words(markdown: str) -> str:
    """Return what a reader sees of a page's sentences: no escapes, no angle brackets around addresses."""
    return re.sub(r"<(https?://[^>]+)>", r"\1", re.sub(r"\\([\\*<>\[\]|~_])", r"\1", markdown))


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def sentences(value: Any) -> Iterator[str]:
    """Yield all text of a part of a source file."""
    if isinstance(value, str):
        yield " ".join(value.split())
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from sentences(member)


def prose(text: str) -> str:
    """Return a page without code, in which Markdown means nothing."""
    return re.sub(r"`[^`]+`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_the_documentation_is_up_to_date() -> None:
    pages = {f"{name}.md": guide_of(name) for name in NAMES} | {"README.md": guide_index(load_sources(CATALOG))}
    there = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*")}
    stale = sorted(name for name in pages.keys() | there.keys() if pages.get(name) != there.get(name))
    assert stale == [], f"docs/sources is not what the source files say. Run '{COMMAND}', and remove what it leaves."


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_begins_with_what_it_is_made_from(name: str) -> None:
    first = guide_of(name).splitlines()[0]
    assert f"`config/sources/{name}.yaml`" in first
    assert f"`{COMMAND}`" in first


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_says_all_that_the_source_file_says(name: str) -> None:
    source, text = source_of(name).document, words(guide_of(name))
    parts = [source[key] for key in ("title", "homepage", "licence", "terms", "citation", "access")]
    parts += [source.get("facts", []), source["expected"]["basis"]]
    parts += [rules["summary"] for rules in source["selection"].values()]
    said = {sentence for part in parts for sentence in sentences(part)} - WORDS_FOR_MACHINES
    assert [sentence for sentence in said if sentence not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_steps_are_numbered_in_their_order(name: str) -> None:
    numbered = re.findall(r"^(\d+)\. (.*)$", words(section(guide_of(name), "Step by step")), flags=re.MULTILINE)
    steps = list(sentences(source_of(name).document["access"]["steps"]))
    assert numbered == [(str(number), step) for number, step in enumerate(steps, start=1)]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_stands_in_the_tree_with_its_layout_and_role(name: str) -> None:
    lines = section(guide_of(name), "What the folder then looks like").split("```")[1].splitlines()
    for layout in source_of(name).layouts:
        for example in layout.examples:
            file = f"── {example.rpartition('/')[2]}    [{layout.name}: {layout.role}]"
            assert any(line.endswith(file) for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_whole_and_are_links(name: str) -> None:
    text = guide_of(name)
    found = {
        address
        for sentence in sentences(source_of(name).document["access"])
        for address in re.findall(r"https?://[^\s]*[\w/]", sentence)
    }
    assert found | {source_of(name).document["homepage"]} == set(re.findall(r"<(https?://\S+)>", text))
    assert "http" not in re.sub(r"<https?://\S+>", "", text)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_taken_for_markup(name: str) -> None:
    text = prose(guide_of(name)).replace("*Generated", "").replace("this page.*", "")
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", re.sub(r"\\.", "", re.sub(r"<https?://\S+>", "", text)))
    assert re.findall(r"[<>*]|(?<!\w)_|_(?!\w)", text) == []


@pytest.mark.parametrize("name", [*NAMES, "README"])
def test_all_rows_of_a_table_have_the_same_cells(name: str) -> None:
    text = guide_index(load_sources(CATALOG)) if name == "README" else guide_of(name)
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    assert tables
    for table in tables:
        assert re.fullmatch(r"\|( --- \|)+", table[1])
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_lists_stand_apart(name: str) -> None:
    # Without a paragraph between them two lists are one.
    kinds = [block[:2] for block in guide_of(name).split("\n\n")]
    assert ("- ", "- ") not in set(pairwise(kinds))


def test_a_known_size_gives_a_time_by_arithmetic() -> None:
    need = section(guide_of("msd"), "What you need")
    assert "7.6 GB (7,608,266,240 bytes)" in need
    assert f"= {round(7_608_266_240 * 8 / 100e6)} s; arithmetic, not measured" in need
    assert "about 10 min" in need


def test_what_is_not_known_is_called_so() -> None:
    need = section(guide_of("adni"), "What you need")
    assert "size not known" in need
    assert "| time | not known; " in need


@pytest.mark.parametrize(
    ("name", "layout", "takers"),
    [
        ("wmh", "training", "reference, clean"),
        ("wmh", "test", "none"),
        ("wmh", "face_masks", "none"),
        ("adni", "ida_phase", "reference"),
        ("msseg1", "training_raw", "clean"),
        ("msseg1", "training_preprocessed", "reference"),
    ],
)
def test_it_says_which_selection_may_take_a_layout(name: str, layout: str, takers: str) -> None:
    assert re.search(rf"^\| `{layout}` \| \w+ \| {takers} \|$", guide_of(name), flags=re.MULTILINE)


def test_conversion_is_spoken_of_where_dicom_may_lie() -> None:
    use = {name: section(guide_of(name), "What brains45k does with it") for name in NAMES}
    assert {name for name, text in use.items() if "dcm2niix" in text} == {"adni", "ppmi"}


def test_tables_are_spoken_of_where_they_may_lie() -> None:
    use = {name: section(guide_of(name), "What brains45k does with it") for name in NAMES}
    assert {name for name, text in use.items() if "malformed" in text} == {
        "adni",
        "ppmi",
        "oasis3",
        "oasis4",
        "brats21",
    }


def test_nothing_is_said_of_archives_where_files_come_single() -> None:
    assert {name for name in NAMES if "keep_archives" not in guide_of(name)} == {"wmh", "bids", "lesions"}


def test_a_source_file_needs_to_say_no_more_than_the_schema_asks() -> None:
    text = guide_text(tiny_source())
    assert "1. Ask the one who made it." in text
    assert "no page is known" in text
    assert "Known faults" not in text
    assert "Expected of the reference selection: 7 volumes of 6 subjects." in text


def test_awkward_text_is_shown_as_it_is() -> None:
    text = guide_text(tiny_source(facts=["a|b <i>_c_</i> *d* [e](f) `_g_` https://example.org/a_b_, h_i"]))
    assert "- a\\|b \\<i\\>\\_c\\_\\</i\\> \\*d\\* \\[e\\](f) `_g_` <https://example.org/a_b_>, h_i\n" in text


def test_the_index_links_every_guide() -> None:
    index = guide_index(load_sources(CATALOG))
    assert re.findall(r"\[(\w+)\]\((\w+)\.md\)", index) == [(name, name) for name in NAMES]


def run(*arguments: str | Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Call the command line as the shell does, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["brains45k", "guide", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_catalog(tmp_path / "catalog")


def test_the_command_shows_a_guide(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tiny", "--catalog", catalog, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == guide_text(load_source(catalog / "tiny.yaml"))


def test_the_command_lists_all_guides(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--catalog", catalog, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == guide_index(load_sources(catalog))


def test_the_command_writes_all_guides(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a/b"
    assert run("--catalog", catalog, "--write", folder, monkeypatch=monkeypatch) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "frames.md", "tiny.md"]
    assert (folder / "tiny.md").read_text(encoding="utf-8") == guide_text(load_source(catalog / "tiny.yaml"))
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("tinny",), "brains45k: guide: there is no source 'tinny'; did you mean 'tiny'?"),
        (("x",), "brains45k: guide: there is no source 'x'; known: frames, tiny."),
        (("tiny", "--write", "out"), "brains45k: guide: --write writes the guides to all sources."),
        (("--write", "tiny.yaml/out"), "brains45k: tiny.yaml/out: cannot be made (Not a directory)."),
        (("tiny", "--catalog", "none"), "brains45k: none: holds no source files."),
    ],
)
def test_a_wrong_call_is_told_in_one_line(
    catalog: Path,
    arguments: tuple[str, ...],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(catalog)
    assert run("--catalog", ".", *arguments, monkeypatch=monkeypatch) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(text)
    assert len(printed.err.splitlines()) == 1


def at_a_terminal(*arguments: str | Path) -> str:
    """Run the command line at a terminal of 80 columns, and return what it shows there."""
    controller, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(TERMINAL_COLUMNS)}
    command = [sys.executable, "-c", "from brains45k.cli import main; main()", "guide", *map(str, arguments)]
    with subprocess.Popen(command, stdout=terminal, env=environment) as process:
        os.close(terminal)
        shown = b""
        while part := _read(controller):
            shown += part
        os.close(controller)
    assert process.returncode == 0
    return shown.decode()


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:
        # So Linux says that nobody writes to a terminal any more.
        return b""


def test_at_a_terminal_lines_fit_and_addresses_stay_whole(tmp_path: Path) -> None:
    address = f"https://example.org/{'long/' * 30}end?a=b%20c"
    access = {"kind": "by_hand", "steps": [f"Go to {address}, and *look*."], "terms_url": address}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(document(access=access)), encoding="utf-8")
    shown = at_a_terminal("tiny", "--catalog", tmp_path)
    links = re.findall("\x1b\\]8;[^;]*;([^\x1b]+)\x1b\\\\", shown)
    assert links
    assert address in links
    visible = re.sub("\x1b\\]8;[^\x1b]*\x1b\\\\|\x1b\\[[0-9;]*m", "", shown)
    assert max(Console(width=200).measure(line).maximum for line in visible.splitlines()) <= TERMINAL_COLUMNS
    assert address in "".join(visible.split())
    assert "and *look*." in " ".join(visible.split())
