"""The numbers of the corpus: the sources add up to the whole, and nothing is said of what is not known."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.manifest_rows import frame, row
from support.small_corpus import SmallCorpus, document

from brains45k.report.numbers import CorpusNumbers, as_data, corpus_numbers, read_numbers, source_numbers
from brains45k.report.numbers_corpus import PAPER_SOURCES
from brains45k.schema import load_yaml

CATALOG = Path(__file__).parents[2] / "config/sources"


@pytest.fixture(scope="session")
def numbers(corpus: SmallCorpus) -> CorpusNumbers:
    """What is said of the small corpus."""
    return read_numbers(corpus.manifest)


def test_the_sources_add_up_to_the_whole(numbers: CorpusNumbers) -> None:
    parts = list(numbers.sources.values())
    assert list(numbers.sources) == ["frames", "tiny"]
    for name in ("found", "kept", "excluded", "duplicate"):
        assert getattr(numbers.whole.accounts, name) == sum(getattr(part.accounts, name) for part in parts)
    for name in ("subjects", "stored_bytes", "source_bytes"):
        assert getattr(numbers.whole, name) == sum(getattr(part, name) for part in parts)
    for number, step in enumerate(numbers.whole.funnel):
        assert step.count == sum(part.funnel[number].count for part in parts)


def test_the_whole_is_of_the_corpus_manifest(corpus: SmallCorpus, numbers: CorpusNumbers) -> None:
    table = pd.read_parquet(corpus.manifest)
    assert numbers.whole.name == "all"
    assert numbers.whole.accounts.found == len(table)
    assert numbers.whole.stored_bytes == table.stored_bytes.sum()
    for part, rows in table.groupby("source"):
        assert numbers.sources[str(part)].accounts.kept == (rows.status == "kept").sum()


def test_an_image_in_two_sources_is_kept_in_one(corpus: SmallCorpus, numbers: CorpusNumbers) -> None:
    alone = read_numbers(corpus.workdir / "manifests/tiny.parquet")
    assert alone.sources["tiny"].accounts.kept == numbers.sources["tiny"].accounts.kept + 1
    assert [(between.duplicate_source, between.kept_source) for between in numbers.between_sources] == [
        ("tiny", "frames")
    ]


def test_the_sources_manifests_say_what_is_expected(numbers: CorpusNumbers) -> None:
    assert [source.expected.volumes for source in numbers.sources.values()] == [None, 7]
    # A sum of expectations would be a lie where one of them is unknown.
    assert numbers.whole.expected.volumes is None
    assert numbers.whole.expected.took_volumes == sum(
        source.expected.took_volumes for source in numbers.sources.values()
    )


def test_all_of_it_is_json(numbers: CorpusNumbers) -> None:
    data = as_data(numbers)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def made_of(
    names: list[str], *, documents: Mapping[str, Mapping[str, Any]] | None = None, **values: Any
) -> CorpusNumbers:
    """Return the numbers of a corpus with one row per source."""
    rows = {name: row(number, source=name, **values) for number, name in enumerate(names)}
    documents = documents or {}
    sources = {
        name: source_numbers(
            frame([each]),
            {"expected": json.dumps(documents[name]["expected"])} if name in documents else {},
            document=documents.get(name),
            seconds_per_volume=float(number + 1) if number else None,
        )
        for number, (name, each) in enumerate(rows.items())
    }
    return corpus_numbers(frame(rows.values()), sources, documents=documents)


def catalog(*names: str) -> dict[str, dict[str, Any]]:
    return {name: load_yaml(CATALOG / f"{name}.yaml", schema="source") for name in names}


def test_the_nine_sources_against_the_paper() -> None:
    expected = made_of(["msd", "adni", "bids"], documents=catalog(*PAPER_SOURCES, "bids")).expected
    assert (expected.paper_volumes, expected.derived_volumes, expected.remainder_volumes) == (44_756, 5_761, 38_995)
    assert expected.derived_sources == ("brats21", "isles22", "msd", "msseg1", "wmh")
    assert expected.remainder_sources == ("adni", "oasis3", "oasis4", "ppmi")
    assert (expected.took_volumes, expected.took_derived_volumes, expected.took_remainder_volumes) == (2, 1, 1)
    assert (len(expected.absent_sources), expected.other_sources) == (7, ("bids",))


def test_the_catalog_says_of_the_remainder_what_is_computed() -> None:
    expected = made_of(["msd"], documents=catalog(*PAPER_SOURCES)).expected
    said = (
        f"together {expected.remainder_volumes:,} = {expected.paper_volumes:,} (paper) - {expected.derived_volumes:,}"
    )
    for name in expected.remainder_sources:
        assert said in load_yaml(CATALOG / f"{name}.yaml", schema="source")["expected"]["basis"]


def test_nothing_is_said_of_the_remainder_where_a_source_is_not_known() -> None:
    expected = made_of(["msd", "adni"], documents=catalog("msd", "adni")).expected
    assert (expected.derived_volumes, expected.remainder_volumes) == (1_064, None)


def test_terms_are_combined_and_each_is_said_once() -> None:
    first, second = document(terms=["Cite it.", "Ask."]), document(terms=["Share alike.", "Cite it."])
    terms = made_of(["a", "b"], documents={"a": first, "b": second}).terms
    assert [(term.sentence, term.sources) for term in terms] == [
        ("Cite it.", ("a", "b")),
        ("Ask.", ("a",)),
        ("Share alike.", ("b",)),
    ]


def test_a_source_of_which_nothing_is_kept_binds_nobody() -> None:
    excluded = {"status": "excluded", "reason": "E_NAN"}
    assert made_of(["a"], documents={"a": document()}, **excluded).terms == ()


def test_times_are_weighed_by_the_volumes_that_were_read() -> None:
    assert made_of(["a", "b", "c"]).whole.seconds_per_volume == 2.5
    assert made_of(["a"]).whole.seconds_per_volume is None


def test_times_are_read_from_the_logs(corpus: SmallCorpus, tmp_path: Path) -> None:
    (tmp_path / "tiny-0000.log").write_text("tiny_1\t1.0 s\tkept\ntiny_2\t2.0 s\tkept\nstarted\n")
    found = read_numbers(corpus.manifest, logs=tmp_path)
    assert found.sources["tiny"].seconds_per_volume == 1.5
    assert found.sources["frames"].seconds_per_volume is None
    assert found.whole.seconds_per_volume == 1.5


def test_warnings_of_the_whole_name_their_source() -> None:
    warned = source_numbers(frame([row()]), {"warnings": json.dumps(["a.csv: no subject"])})
    assert corpus_numbers(frame([row()]), {"tiny": warned}).whole.warnings == ("tiny: a.csv: no subject",)
