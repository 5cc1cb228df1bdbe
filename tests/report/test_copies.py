"""Copies: each is shown with the image that is kept, wherever that lies."""

import pandas as pd
from support.manifest_rows import frame, row
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.report.copies import between_sources, pairs_of
from brains45k.report.numbers_parts import DuplicatePair


def copy(number: int, *, of: str, source: str = "tiny") -> dict[str, object]:
    return row(number, source=source, status="duplicate", reason="E_DUP_VOXEL", detail=f"of {of}")


def test_pairs_of_a_corpus(corpus: SmallCorpus) -> None:
    table = pd.read_parquet(corpus.manifest)
    by_name = table.set_index("volume_id").to_dict("index")
    pairs = pairs_of(table)
    assert [pair.duplicate_id for pair in pairs] == table.loc[table.status == "duplicate", "volume_id"].tolist()
    for pair in pairs:
        assert (table.volume_id[pair.row], table.volume_id[pair.kept_row or 0]) == (pair.duplicate_id, pair.kept_id)
        assert pair.kept_source == by_name[pair.kept_id]["source"]
        same_file = by_name[pair.duplicate_id]["source_sha256"] == by_name[pair.kept_id]["source_sha256"]
        assert pair.code == (Code.E_DUP_FILE if same_file else Code.E_DUP_VOXEL)
        assert by_name[pair.duplicate_id]["voxel_sha256"] == by_name[pair.kept_id]["voxel_sha256"]


def test_images_that_lie_in_two_sources_are_listed_with_both_names(corpus: SmallCorpus) -> None:
    pairs = pairs_of(pd.read_parquet(corpus.manifest))
    (between,) = between_sources(pairs)
    assert (between.duplicate_source, between.kept_source, between.count) == ("tiny", "frames", 1)
    assert between.pairs == tuple(pair for pair in pairs if pair.kept_id.startswith("frames_"))


def test_copies_within_a_source_are_none_of_another() -> None:
    assert between_sources(pairs_of(frame([row(0), copy(1, of="tiny_0")]))) == ()


def test_what_is_kept_elsewhere_has_a_name_and_no_row() -> None:
    (pair,) = pairs_of(frame([row(0), copy(1, of="frames_7")]))
    assert pair == DuplicatePair("tiny_1", "frames_7", Code.E_DUP_VOXEL, 1, None, "tiny", None)


def test_pairs_of_sources_come_most_frequent_first() -> None:
    rows = [
        row(0),
        copy(1, of="tiny_0", source="z"),
        copy(2, of="tiny_0", source="b"),
        copy(3, of="tiny_0", source="b"),
    ]
    found = [(between.duplicate_source, between.count) for between in between_sources(pairs_of(frame(rows)))]
    assert found == [("b", 2), ("z", 1)]
