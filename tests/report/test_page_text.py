"""Sentences say what the numbers are, and nothing where there is nothing to say."""

from dataclasses import replace

import pytest
from support.synthetic_manifest import synthetic_manifest

from brains45k.corpus.manifest import metadata_of
from brains45k.report.numbers import Expected, ExpectedCorpus, SourceNumbers, source_numbers
from brains45k.report.page_text import (
    count_text,
    expected_sentence,
    paper_sentences,
    selection_sentence,
    size_text,
    source_summary,
    source_things,
)

PAPER = ExpectedCorpus(44_756, 120, ("wmh",), 44_636, ("adni", "ppmi"), 44_700, 119, 44_581, ("msd",), ("bids",))


@pytest.fixture(scope="module")
def numbers() -> SourceNumbers:
    table = synthetic_manifest(700)
    return source_numbers(table.to_pandas(), metadata_of(table))


@pytest.fixture(scope="module")
def nothing() -> SourceNumbers:
    table = synthetic_manifest(0, warnings="[]", expected="{}")
    return source_numbers(table.to_pandas(), metadata_of(table), name="none")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e12, "2.5 TB"), (3e15, "3,000.0 TB")],
)
def test_sizes(size_bytes: float, text: str) -> None:
    assert size_text(int(size_bytes)) == text


def test_counts() -> None:
    assert [count_text(count, "file") for count in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]


def test_the_summary_adds_up(numbers: SourceNumbers) -> None:
    sentence = source_summary(numbers)
    assert sentence.startswith("Of 700 files found, 420 (60%) are kept")
    for step in numbers.funnel[1:]:
        assert f" {step.lost:,} " in sentence


def test_nothing_found_is_said(nothing: SourceNumbers) -> None:
    assert source_summary(nothing) == "No file with an image's extension was found."
    assert source_things(nothing) == []


@pytest.mark.parametrize(
    ("volumes", "took", "how"),
    [(5, 5, "took 5 volumes, as expected."), (5, 4, "1 fewer."), (5, 7, "2 more."), (None, 7, "is not known; ")],
)
def test_expectations_are_compared(numbers: SourceNumbers, volumes: int | None, took: int, how: str) -> None:
    expected = Expected(volumes, None, "derived", "derived: so", took, 1)
    assert how in expected_sentence(replace(numbers, expected=expected))
    pointed = any(thing.address == "#expected" for thing in source_things(replace(numbers, expected=expected)))
    assert pointed == (volumes is not None and volumes != took)


def test_another_selection_is_remarked(numbers: SourceNumbers) -> None:
    assert "another selection" not in expected_sentence(numbers)
    assert "another selection" in expected_sentence(replace(numbers, selection="clean"))


def test_a_person_is_pointed_at_what_needs_one(numbers: SourceNumbers) -> None:
    addresses = [thing.address for thing in source_things(numbers)]
    wanted = ["#expected", "#funnel", "#unknown", "#remarks", "#duplicates", "#outliers", "#warnings"]
    assert addresses == wanted


def test_the_paper_is_compared_as_far_as_it_is_known() -> None:
    sentences = list(paper_sentences(PAPER))
    assert sentences[0].endswith("took 44,700 here (-56).")
    assert "Of wmh, 120 are expected, each by itself; it took 119." in sentences
    assert "That leaves 44,636 for adni and ppmi together; it took 44,581." in sentences
    assert "This corpus was built without msd." in sentences
    assert "bids is no part of the paper's corpus." in sentences
    unknown = replace(PAPER, remainder_volumes=None, absent_sources=(), other_sources=(), derived_sources=())
    assert len(list(paper_sentences(unknown))) == 1


def test_the_other_selection_is_the_one_that_did_not_decide(numbers: SourceNumbers) -> None:
    taken = replace(numbers.selections, only_reference=7, only_clean=3)
    reference = selection_sentence(replace(numbers, selections=taken))
    assert "selection: clean, this corpus would leave out 7 files that are taken now, and take 3 others" in reference
    clean = selection_sentence(replace(numbers, selections=replace(taken, decided="clean")))
    assert "selection: reference, this corpus would leave out 3 files that are taken now, and take 7 others" in clean
