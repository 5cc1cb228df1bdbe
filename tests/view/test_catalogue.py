"""The catalogue: what a search finds, page by page."""

from pathlib import Path
from typing import Any

import pytest
from support.small_corpus import SmallCorpus

from brains45k.corpus.manifest import read_table
from brains45k.errors import DataError
from brains45k.view.catalogue import PAGE_ROWS, Catalogue, Search


@pytest.fixture(scope="module")
def rows(awkward: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = read_table(awkward).to_pylist()
    return table


@pytest.fixture(scope="module")
def catalogue(awkward: Path) -> Catalogue:
    return Catalogue(awkward)


def every_page(catalogue: Catalogue, search: Search) -> list[str]:
    total = catalogue.page(search).total
    pages = [catalogue.page(search, offset=offset) for offset in range(0, total, PAGE_ROWS)]
    return [row["volume_id"] for page in pages for row in page.rows]


def test_without_a_search_all_rows_are_listed_in_order(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    assert every_page(catalogue, Search()) == [row["volume_id"] for row in rows]
    assert len(catalogue) == len(rows)


@pytest.mark.parametrize("key", ["status", "source"])
def test_a_status_or_a_source_is_matched_whole(catalogue: Catalogue, rows: list[dict[str, Any]], key: str) -> None:
    for value in {row[key] for row in rows}:
        expected = [row["volume_id"] for row in rows if row[key] == value]
        assert every_page(catalogue, Search(**{key: value})) == expected
        assert every_page(catalogue, Search(**{key: value[:-1]})) == []


def test_every_word_has_to_occur_in_any_case(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    expected = [row["volume_id"] for row in rows if row["suffix"] == "FLAIR" and row["reason"] == "E_GZ_CRC"]
    assert expected
    assert every_page(catalogue, Search("flair e_gz_crc")) == expected
    assert every_page(catalogue, Search("  e_GZ_crc FLAIR ")) == expected


def test_a_word_is_not_found_across_two_columns(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    source, subject = rows[0]["source"], rows[0]["subject"]
    assert every_page(catalogue, Search(f"{source} {subject}"))
    assert every_page(catalogue, Search(f"{source}{subject}")) == []


def test_the_page_that_holds_a_volume(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    kept = [row["volume_id"] for row in rows if row["status"] == "kept"]
    page = catalogue.page(Search(status="kept"), volume_id=kept[250])
    assert (page.place, page.offset, page.total) == (250, 200, len(kept))
    assert [row["volume_id"] for row in page.rows] == kept[200:300]


def test_a_volume_that_the_search_does_not_find_has_no_place(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    excluded = next(row["volume_id"] for row in rows if row["status"] == "excluded")
    page = catalogue.page(Search(status="kept"), offset=150, volume_id=excluded)
    assert (page.place, page.offset) == (None, 100)


def test_a_page_behind_the_end_is_empty(catalogue: Catalogue) -> None:
    assert catalogue.page(Search(), offset=10**9).rows == []
    assert catalogue.page(Search("nothing is called so")).total == 0


def test_a_row_has_all_columns(catalogue: Catalogue, rows: list[dict[str, Any]]) -> None:
    for row in rows[::50]:
        assert catalogue.row(row["volume_id"]) == row


def test_a_row_that_is_not_there(catalogue: Catalogue) -> None:
    assert "../corpus.parquet" not in catalogue
    with pytest.raises(KeyError):
        catalogue.row("../corpus.parquet")


def test_counts_and_sources(corpus: SmallCorpus) -> None:
    catalogue = Catalogue(corpus.manifest)
    statuses = [row["status"] for row in corpus.rows().values()]
    assert catalogue.counts() == {status: statuses.count(status) for status in ("kept", "excluded", "duplicate")}
    assert catalogue.sources() == ["frames", "tiny"]


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file\. Build it"):
        Catalogue(tmp_path / "corpus.parquet")
