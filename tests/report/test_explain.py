"""Why a file is in or out, however the user names it."""

import contextlib
import os
from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST, read_table, write_table
from brains45k.errors import DataError
from brains45k.report.explain import explain_path

T1W = "sub-01/sub-01_T1w.nii.gz"


def first_word(corpus: SmallCorpus, path: str) -> list[str]:
    """Return the names that an explanation begins with, one per row explained."""
    return [line.split()[0] for line in explain_path(path, corpus.manifest) if not line.startswith(" ")]


def test_a_kept_volume(corpus: SmallCorpus) -> None:
    row = corpus.rows()[T1W]
    assert explain_path(T1W, corpus.manifest) == [
        f"{row['volume_id']}  (tiny: {T1W})",
        f"  kept, in {row['shard']}, {row['split']}",
        "  as T1w, by source file; layout case",
        "  reference selection: takes it; clean selection: takes it",
    ]


def test_an_excluded_volume(corpus: SmallCorpus) -> None:
    lines = explain_path("sub-03/sub-03_T1w.nii.gz", corpus.manifest)
    assert lines[1].startswith(f"  excluded: E_GZ_TRUNC: {Code.E_GZ_TRUNC.sentence} [")
    assert lines[1].endswith(" bytes inflate]")


def test_a_file_that_was_never_read(corpus: SmallCorpus) -> None:
    assert explain_path("notes/leftover.nii.gz", corpus.manifest)[1:] == [
        f"  excluded: S_LAYOUT: {Code.S_LAYOUT.sentence}",
        "  as unknown contrast, by unmatched; layout none",
        "  reference selection: leaves it out; clean selection: leaves it out",
    ]


def test_a_duplicate_names_its_original(corpus: SmallCorpus) -> None:
    lines = explain_path("sub-04/sub-04_T1w.nii.gz", corpus.manifest)
    assert f"[of {corpus.rows()[T1W]['volume_id']}]" in lines[1]


def test_flags_and_remarks_are_told(corpus: SmallCorpus) -> None:
    lines = explain_path("sub-07/sub-07_T2w.nii.gz", corpus.manifest)
    assert lines[-2:] == [f"  F_NEGATIVE: {Code.F_NEGATIVE.sentence}", "  F_NEGATIVE: down to -5"]
    assert "clean selection: leaves it out" in lines[3]


@pytest.mark.parametrize(
    "path",
    [
        T1W,
        f"tiny/{T1W}",
        f"data/sources/tiny/{T1W}",
        f"./data/sources/tiny/{T1W}",
        f"/mnt/disk/{T1W}",
        "sub-01_T1w.nii.gz",
    ],
)
def test_a_path_may_be_written_in_any_way(corpus: SmallCorpus, path: str) -> None:
    names = first_word(corpus, path)
    assert corpus.rows()[T1W]["volume_id"] in names
    # The side file of macOS ends in the same letters, but is another file.
    assert len(names) == 1


def test_a_volume_id(corpus: SmallCorpus) -> None:
    name = corpus.rows()["images/case11.nii.gz:t1gd"]["volume_id"]
    (first, *_) = explain_path(name, corpus.manifest)
    assert first == f"{name}  (frames: images/case11.nii.gz, channel t1gd)"


def test_a_4d_file_is_explained_channel_by_channel(corpus: SmallCorpus) -> None:
    assert len(first_word(corpus, "images/case13.nii.gz")) == 2


def test_a_folder_is_explained_file_by_file(corpus: SmallCorpus) -> None:
    assert len(first_word(corpus, "sub-03/")) == 2
    assert len(first_word(corpus, "sub-01")) == 4


def test_a_part_of_a_name_comes_after_whole_names(corpus: SmallCorpus) -> None:
    assert len(first_word(corpus, "_FLAIR")) == 1


@pytest.mark.parametrize("path", ["nowhere.nii", "sub-01/sub-01.json", "tiny_sub-01"])
def test_an_unknown_path_is_told(corpus: SmallCorpus, path: str) -> None:
    with pytest.raises(DataError, match=f"^{path}: no candidate of that name") as caught:
        explain_path(path, corpus.manifest)
    assert "\n" not in str(caught.value)


def test_many_rows_are_cut(corpus: SmallCorpus, tmp_path: Path) -> None:
    row = corpus.rows()[T1W]
    rows = [row | {"volume_id": f"v{number}", "source_path": f"many/{number}.nii"} for number in range(1025)]
    write_table(rows, MANIFEST, tmp_path / "corpus.parquet")
    lines = explain_path("many", tmp_path / "corpus.parquet")
    assert sum(line.startswith("v") for line in lines) == 20
    assert lines[-1] == "... and 1,005 more"


def test_every_row_of_a_corpus_can_be_explained(corpus: SmallCorpus) -> None:
    for row in read_table(corpus.manifest).to_pylist():
        lines = explain_path(row["volume_id"], corpus.manifest)
        assert lines[0].startswith(row["volume_id"])
        assert len(lines) >= 4


def test_a_name_that_is_not_utf8_is_found_as_the_shell_gives_it(corpus: SmallCorpus, tmp_path: Path) -> None:
    row = corpus.rows()[T1W] | {"source_path": "sub-01/\\xe9.nii"}
    write_table([row], MANIFEST, tmp_path / "corpus.parquet")
    lines: list[str] = []
    # The error's text holds the name as it is, which pytest-xdist cannot send.
    with contextlib.suppress(DataError):
        lines = explain_path(os.fsdecode(b"sub-01/\xe9.nii"), tmp_path / "corpus.parquet")
    assert lines


def test_a_slice_is_explained_by_its_series(corpus: SmallCorpus, tmp_path: Path) -> None:
    rows = read_table(corpus.manifest).to_pylist()
    series = rows[0] | {"source_path": "ADNI/s/I1/0001.dcm", "source_format": "dcm"}
    write_table([series, *rows[1:]], MANIFEST, tmp_path / "corpus.parquet")
    (first, *_) = explain_path("I1/0017.dcm", tmp_path / "corpus.parquet")
    assert first.startswith(str(series["volume_id"]))
    with pytest.raises(DataError):
        explain_path("I2/0017.dcm", tmp_path / "corpus.parquet")
