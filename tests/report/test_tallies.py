"""Counts over rows: against a few lines of pandas on the Parquet file, and for rows that no build made."""

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from support.manifest_rows import any_manifest, frame, row
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.report import tallies
from brains45k.report.numbers_parts import UNKNOWN, Count, SequenceCount, SplitSize, UnknownSeries


@pytest.fixture(scope="session")
def table(corpus: SmallCorpus) -> pd.DataFrame:
    """The manifest of the small corpus, as anybody reads it."""
    return pd.read_parquet(corpus.manifest)


def test_accounts_add_up(table: pd.DataFrame) -> None:
    accounts = tallies.accounts_of(table)
    assert accounts.found == len(table) == accounts.kept + accounts.excluded + accounts.duplicate
    assert accounts.kept == (table.status == "kept").sum()
    assert accounts.duplicate == (table.status == "duplicate").sum()


@settings(max_examples=40)
@given(any_manifest())
def test_accounts_and_selections_of_any_manifest_add_up(table: pd.DataFrame) -> None:
    accounts, selections = tallies.accounts_of(table), tallies.selections_of(table, "clean")
    assert accounts.found == accounts.kept + accounts.excluded + accounts.duplicate == len(table)
    assert selections.both + selections.only_reference + selections.only_clean + selections.neither == len(table)
    kinds = tallies.by_sequence(table)
    assert sum(kind.kept for kind in kinds) == accounts.kept
    assert sum(kind.reference for kind in kinds) == selections.both + selections.only_reference
    assert sum(kind.clean for kind in kinds) == selections.both + selections.only_clean
    kept = tallies.kept_of(table)
    for counts in (tallies.by_field_strength(kept), tallies.by_manufacturer(kept), tallies.by_licence(kept)):
        assert sum(count.count for count in counts) == accounts.kept


def test_what_a_change_of_the_selection_would_change(table: pd.DataFrame) -> None:
    found = tallies.selections_of(table, "reference")
    both = pd.crosstab(table.reference_selected, table.clean_selected)
    assert found.both == both.loc[True, True]
    assert found.neither == both.loc[False, False]
    assert list(found.only_reference_rows) == table.index[table.reference_selected & ~table.clean_selected].tolist()
    assert found.only_reference == len(found.only_reference_rows) > 0
    assert found.only_clean == len(found.only_clean_rows)


@pytest.mark.parametrize(
    ("basis", "kind"),
    [("derived: 2 x 2", "derived"), ("published: Table 1", "published"), ("unknown: x", "unknown"), ("hm", "stated")],
)
def test_what_is_expected_says_on_which_grounds(basis: str, kind: str) -> None:
    rows = frame([row(1), row(2, reference_selected=False), row(3, subject="sub-02"), row(4, subject=None)])
    expected = json.dumps({"volumes": 7, "subjects": 6, "basis": basis})
    found = tallies.expected_of(rows, {"expected": expected})
    assert (found.volumes, found.subjects, found.kind, found.basis) == (7, 6, kind, basis)
    assert (found.took_volumes, found.took_subjects) == (3, 3)


def test_nothing_is_expected_where_nothing_is_said() -> None:
    found = tallies.expected_of(frame([row()]), {})
    assert (found.volumes, found.subjects, found.kind) == (None, None, "unknown")


def test_sequences_are_told_by_suffix_and_agent(table: pd.DataFrame) -> None:
    found = {kind.label: kind for kind in tallies.by_sequence(table)}
    for label, suffix, agent in (("FLAIR", "FLAIR", ""), ("T1w, gadolinium", "T1w", "gadolinium"), ("T1w", "T1w", "")):
        rows = table[(table.suffix == suffix) & (table.contrast_agent.fillna("") == agent)]
        counts = ((rows.status == "kept").sum(), rows.reference_selected.sum(), rows.clean_selected.sum())
        assert found[label] == SequenceCount(label, suffix, agent or None, *map(int, counts))


def test_sequences_that_nothing_takes_are_left_out() -> None:
    out: dict[str, Any] = {
        "status": "excluded",
        "reason": "S_LABEL",
        "reference_selected": False,
        "clean_selected": False,
    }
    assert [kind.label for kind in tallies.by_sequence(frame([row(suffix=None), row(suffix="T2w", **out)]))] == [
        UNKNOWN
    ]


def test_field_strengths_are_nominal_and_ascending() -> None:
    strengths = (3.0, 1.494, 2.89362, 1.5, None, 0.064, 15.0)
    found = tallies.by_field_strength(frame(row(field_strength_t=strength) for strength in strengths))
    expected = (("0.064 T", 1), ("1.5 T", 2), ("3 T", 2), ("15 T", 1), (UNKNOWN, 1))
    assert found == tuple(Count(*pair) for pair in expected)


def test_manufacturers_are_told_whatever_their_case() -> None:
    names = ("SIEMENS", "SIEMENS", "Siemens", "GE", None)
    found = tallies.by_manufacturer(frame(row(manufacturer=name) for name in names))
    assert found == (Count("SIEMENS", 3), Count("GE", 1), Count(UNKNOWN, 1))


def test_licences_and_splits(table: pd.DataFrame) -> None:
    kept = table[table.status == "kept"]
    assert {count.label: count.count for count in tallies.by_licence(kept)} == kept.licence.value_counts().to_dict()
    for split in tallies.splits_of(kept):
        part = kept[kept.split == split.name]
        assert split == SplitSize(split.name, len(part), len(part.groupby(["source", "subject"])))
    assert sum(split.volumes for split in tallies.splits_of(kept)) == len(kept)


def test_subjects_and_sessions() -> None:
    rows = frame([
        row(1, session="a"), row(2, session="a"), row(3, session="b"), row(4, subject="sub-02", session="a"),
        row(5, source="frames", session=None), row(6, subject=None), row(7, subject=None, session="a"),
    ])  # fmt: skip
    assert tallies.subjects_of(rows) == 5
    assert tallies.subjects_found(rows) == 3
    assert tallies.sessions_of(rows) == 4


def test_flags_and_repairs_are_of_kept_volumes(table: pd.DataFrame) -> None:
    kept = table[table.status == "kept"]
    expected = kept["flags"].explode().dropna().value_counts().to_dict()
    found = tallies.codes_of(table, "flags")
    assert {flag.code.value: flag.count for flag in found} == expected == {"F_NEGATIVE": 1}
    assert list(found[0].rows) == kept.index[kept["flags"].map(lambda flags: "F_NEGATIVE" in flags)].tolist()
    assert found[0].sentence == Code.F_NEGATIVE.sentence


def test_codes_are_counted_one_by_one_most_frequent_first() -> None:
    rows = [row(1, repairs=["R_NAN", "R_EXT"]), row(2, repairs=["R_NAN"]), row(3, repairs=None)]
    rows.append(row(4, status="excluded", reason="E_NAN", repairs=["R_NAN"]))
    found = tallies.codes_of(frame(rows), "repairs")
    assert [(repair.code, repair.count, repair.rows) for repair in found] == [
        (Code.R_NAN, 2, (0, 1)),
        (Code.R_EXT, 1, (0,)),
    ]


def test_unknown_series_are_listed_and_stray_files_are_not() -> None:
    unknown = {"series": "PPMI_2.0", "series_kind": "unknown"}
    rows = [row(0), row(1, **unknown), row(2, status="excluded", reason="S_UNKNOWN_SERIES", **unknown)]
    rows.append(row(3, status="excluded", reason="S_LAYOUT", series="holiday", series_kind="unknown", layout=None))
    rows.append(row(4, series=None, series_kind="unknown"))
    assert tallies.unknown_series_of(frame(rows)) == (UnknownSeries("PPMI_2.0", 2, (1, 2)),)


def test_a_file_of_several_volumes_has_its_bytes_once() -> None:
    rows = [row(1, source_path="a.nii", channel="t1"), row(2, source_path="a.nii", channel="t2"), row(3)]
    assert tallies.source_bytes_of(frame(rows)) == 200
