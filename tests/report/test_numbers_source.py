"""The numbers of a source: each from its rows, all of them JSON, and the same in any order of the index."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from support.manifest_rows import any_manifest, frame, row
from support.small_corpus import SmallCorpus, document

from brains45k.corpus.manifest import read_metadata
from brains45k.report.numbers import as_data, source_numbers
from brains45k.report.quantities import QUANTITIES


@pytest.fixture(scope="session")
def tiny(corpus: SmallCorpus) -> pd.DataFrame:
    """The manifest of one source, as anybody reads it."""
    return pd.read_parquet(corpus.workdir / "manifests/tiny.parquet")


@pytest.fixture(scope="session")
def metadata(corpus: SmallCorpus) -> dict[str, str]:
    """What stands in that file beside the rows."""
    return read_metadata(corpus.workdir / "manifests/tiny.parquet")


def test_every_figure_of_a_source(tiny: pd.DataFrame, metadata: dict[str, str]) -> None:
    numbers = source_numbers(tiny, metadata, seconds_per_volume=1.5)
    kept = tiny[tiny.status == "kept"]
    assert (numbers.name, numbers.title, numbers.selection) == ("tiny", "A tiny source", "reference")
    assert numbers.build.build_id == metadata["build_id"]
    assert numbers.build.preprocessing["spacing_mm"] == 1.0
    assert numbers.accounts.kept == len(kept) == 5
    assert (numbers.expected.volumes, numbers.expected.took_volumes) == (7, tiny.reference_selected.sum())
    assert (numbers.subjects, numbers.subjects_found) == (kept.subject.nunique(), tiny.subject.nunique())
    assert numbers.sessions == kept.session.nunique() == 0
    assert numbers.stored_bytes == kept.stored_bytes.sum()
    assert numbers.source_bytes == kept.source_bytes.sum()
    assert numbers.seconds_per_volume == 1.5
    assert {reason.code.value: reason.count for reason in numbers.reasons} == tiny.reason.value_counts().to_dict()
    assert (numbers.warnings, numbers.terms) == ((), None)


def test_what_the_scans_are_like(tiny: pd.DataFrame, metadata: dict[str, str]) -> None:
    numbers = source_numbers(tiny, metadata)
    kept = tiny[tiny.status == "kept"]
    for name in ("clip_value", "mean", "std", "foreground_fraction", "score_low", "score_high"):
        five = numbers.distributions[name].five
        assert five is not None
        values = (five.minimum, five.lower_quartile, five.median, five.upper_quartile, five.maximum)
        assert values == pytest.approx(np.quantile(kept[name], [0, 0.25, 0.5, 0.75, 1]))
        assert (numbers.distributions[name].count, numbers.distributions[name].missing) == (len(kept), 0)
    assert list(numbers.distributions) == list(QUANTITIES)
    shapes = kept["shape"].map(lambda shape: " x ".join(map(str, shape))).value_counts()
    assert {count.label: count.count for count in numbers.stored_shapes.values} == shapes.to_dict()  # noqa: PD011
    for found, column in ((numbers.orientations, "original_orientation"), (numbers.dtypes, "original_dtype")):
        assert {count.label: count.count for count in found.values} == kept[column].value_counts().to_dict()  # noqa: PD011
    assert [(count.label, count.count) for count in numbers.spacings.values] == [("4 x 4 x 4", len(kept))]  # noqa: PD011


def test_rows_are_counted_by_position_whatever_the_index(tiny: pd.DataFrame, metadata: dict[str, str]) -> None:
    assert source_numbers(tiny.set_index(tiny.index + 100), metadata) == source_numbers(tiny, metadata)


def test_warnings_of_the_downloads_tables_are_passed_on() -> None:
    numbers = source_numbers(frame([row()]), {"warnings": json.dumps(["a.csv: no subject", "b.xml: cut short"])})
    assert numbers.warnings == ("a.csv: no subject", "b.xml: cut short")


def test_what_the_source_file_says_to_users() -> None:
    terms = source_numbers(frame([row()]), {}, document=document(facts=["It is tiny."])).terms
    assert terms is not None
    assert (terms.licence, terms.terms, terms.citation) == ("CC0", ("None.",), ("Nobody 2024",))
    assert (terms.facts, terms.access_kind) == (("It is tiny.",), "by_hand")
    assert terms.access_steps == ("Ask the one who made it.",)
    assert (terms.terms_url, terms.contact) == (None, None)


def keys_of(data: Any) -> set[str]:
    """Return all keys at any depth."""
    if isinstance(data, dict):
        return set(data).union(*map(keys_of, data.values()))
    return set().union(*map(keys_of, data)) if isinstance(data, list) else set()


@settings(max_examples=40)
@given(any_manifest())
def test_the_numbers_of_any_manifest_are_json(table: pd.DataFrame) -> None:
    numbers = source_numbers(table, {}, name="any")
    text = json.dumps(as_data(numbers), allow_nan=False)
    assert json.loads(text) == as_data(numbers)
    assert not {"rows", "only_clean_rows", "only_reference_rows"} & keys_of(as_data(numbers))
    kept = numbers.accounts.kept
    assert all(spread.count + spread.missing == kept for spread in numbers.distributions.values())
    for spread in numbers.distributions.values():
        assert spread.count == sum(spread.histogram.counts if spread.histogram else ())
    for found in (numbers.spacings, numbers.shapes, numbers.orientations, numbers.dtypes, numbers.stored_shapes):
        assert sum(count.count for count in found.values) + found.others == kept  # noqa: PD011
