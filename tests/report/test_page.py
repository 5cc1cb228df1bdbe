"""Pages as files: what is written, that it is the same each time, and that every name is text."""

from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from support.small_corpus import SmallCorpus
from support.synthetic_manifest import AWKWARD, synthetic_manifest, write_pictures

pytest.importorskip("altair")

from brains45k.corpus.manifest import metadata_of, read_manifest
from brains45k.report.assets import SCRIPTS
from brains45k.report.numbers import SourceNumbers, read_numbers, source_numbers
from brains45k.report.page import build_index_page, build_source_page, find_pictures


class Elements(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows: pd.DataFrame = synthetic_manifest(450).to_pandas()
    return rows


@pytest.fixture(scope="module")
def numbers(table: pd.DataFrame) -> SourceNumbers:
    return source_numbers(table, metadata_of(synthetic_manifest(1)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame, numbers: SourceNumbers) -> Path:
    made = tmp_path_factory.mktemp("reports")
    write_pictures(synthetic_manifest(450), made)
    build_source_page(made, numbers, table)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> Elements:
    return Elements((folder / "synthetic.html").read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_that_the_page_loads_is_there(folder: Path, page: Elements) -> None:
    assert not [attributes for tag, attributes in page.tags if tag == "link" or (tag == "script" and attributes)]
    assert (folder / "data/synthetic-000.js").is_file()
    pictures = [str(attributes["src"]) for tag, attributes in page.tags if tag == "img"]
    assert pictures
    assert all((folder / path).is_file() for path in pictures)


def test_the_same_rows_give_the_same_bytes(
    folder: Path, table: pd.DataFrame, numbers: SourceNumbers, tmp_path: Path
) -> None:
    write_pictures(synthetic_manifest(450), tmp_path)
    written = build_source_page(tmp_path, numbers, table)
    assert contents(tmp_path) == contents(folder)
    assert written[0] == tmp_path / "synthetic.html"
    assert all(path.is_file() for path in written)


def test_a_page_that_would_not_change_stays_untouched(
    folder: Path, table: pd.DataFrame, numbers: SourceNumbers
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    build_source_page(folder, numbers, table)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_chunks_of_a_longer_table_go_and_those_of_other_sources_stay(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("synthetic-009.js", "synthetic-1000.js", "synthetic_2-009.js", "synthetic2.js"):
        (data / name).write_text("")
    short = synthetic_manifest(10)
    build_source_page(tmp_path, source_numbers(short.to_pandas(), metadata_of(short)), short.to_pandas())
    names = sorted(path.name for path in data.iterdir())
    assert names == ["synthetic-000.js", "synthetic2.js", "synthetic_2-009.js"]


def test_names_of_all_kinds_are_text(page: Elements) -> None:
    assert "A synthetic source <synthetic>" in page.text
    assert AWKWARD[2] in page.text
    # The page's own scripts and its data, and none of a name's.
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 2 + len(SCRIPTS)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_a_source_of_nothing_has_a_page(tmp_path: Path) -> None:
    nothing = synthetic_manifest(0)
    numbers = source_numbers(nothing.to_pandas(), metadata_of(nothing), name="synthetic")
    build_source_page(tmp_path, numbers, nothing.to_pandas())
    page = Elements((tmp_path / "synthetic.html").read_text(encoding="utf-8"))
    assert "No file with an image's extension was found." in page.text


def test_a_real_corpus_has_an_index_that_links_its_pages(corpus: SmallCorpus, tmp_path: Path) -> None:
    numbers = read_numbers(corpus.manifest)
    table = read_manifest(corpus.manifest).to_pandas()
    for name, source in numbers.sources.items():
        build_source_page(tmp_path, source, table[table["source"] == name])
    written = build_index_page(tmp_path, numbers)
    page = Elements(written.read_text(encoding="utf-8"))
    links = {str(attributes.get("href")).partition("#")[0] for tag, attributes in page.tags if tag == "a"}
    assert {"frames.html", "tiny.html"} <= links
    assert all(not link or (tmp_path / link).is_file() for link in links)
    assert "images of tiny are kept in frames" in " ".join(page.text.split())


def test_pictures_that_are_being_made_are_not_shown(tmp_path: Path) -> None:
    for place in ("wmh-0000/a.jpg", ".wmh-0001.partial/b.jpg"):
        path = tmp_path / "pictures" / place
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_pictures(tmp_path) == {"a": "wmh-0000"}
