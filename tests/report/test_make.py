"""The pages of a finished corpus, from its manifest, logs and source files."""

from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus, document

from brains45k.errors import DataError
from brains45k.report.make import make_pages


def test_a_sources_page_has_the_corpus_verdict_on_its_rows(corpus: SmallCorpus, tmp_path: Path) -> None:
    pages = make_pages(corpus.manifest, tmp_path, logs=tmp_path / "logs", documents={"tiny": document()})
    assert [page.name for page in pages] == ["frames.html", "tiny.html", "index.html"]
    text = (tmp_path / "tiny.html").read_text()
    rows = [row for row in corpus.rows().values() if row["source"] == "tiny"]
    kept = sum(row["status"] == "kept" for row in rows)
    # By itself it keeps one more, which lies in the other source as well.
    assert kept == sum(row["status"] == "kept" for row in corpus.rows("tiny").values()) - 1
    assert f"Of {len(rows)} files found, {kept} " in text
    assert "Nobody 2024" in text


def test_the_index_says_of_absent_sources_what_their_files_say(corpus: SmallCorpus, tmp_path: Path) -> None:
    documents = {"tiny": document(), "frames": document(), "msd": document(title="Not here")}
    make_pages(corpus.manifest, tmp_path, logs=tmp_path / "logs", documents=documents)
    text = (tmp_path / "index.html").read_text()
    assert "tiny.html" in text
    assert "frames.html" in text


def test_without_a_manifest_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus\.parquet: no such file"):
        make_pages(tmp_path / "corpus.parquet", tmp_path, logs=tmp_path)
