"""Manifests: every file accounted for, each image once, subjects on one side, builds not mixed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_corpus import SmallCorpus, document

from brains45k.corpus.assemble import assemble_corpus, assemble_source, remove_orphans, require_accounts, split_of
from brains45k.corpus.manifest import INDEX, MANIFEST, ROWS, digest_of, metadata_of, read_table, write_table
from brains45k.corpus.survey import index_path
from brains45k.errors import DataError

CONTRACT = {
    "volume_id", "source", "subject", "session", "series", "suffix", "contrast_agent",
    "source_path", "channel", "source_bytes", "source_sha256", "source_format",
    "status", "reason", "detail", "repairs", "flags", "reference_selected", "clean_selected",
    "original_shape", "original_spacing", "original_orientation", "original_dtype",
    "shape", "spacing", "affine", "crop_start", "clip_value", "mean", "std", "foreground_fraction", "voxel_sha256",
    "shard", "array", "split", "licence",
}  # fmt: skip


def assemble(corpus: SmallCorpus, **changes: Any) -> list[dict[str, Any]]:
    """Assemble the manifest of ``tiny`` from its index and rows, with some arguments replaced."""
    arguments: dict[str, Any] = {
        "index": corpus.workdir / index_path("tiny"),
        "rows": sorted((corpus.workdir / "data/corpus/tiny").glob("*.parquet")),
        "facts": {key: document()[key] for key in ("title", "licence", "expected")} | {"metadata": []},
        "root": corpus.workdir / "data/sources/tiny",
        "selection": "reference",
        "split": {"seed": 45, "val_fraction": 0.5},
        "manifest": corpus.workdir / "manifests/tiny.parquet",
    }
    wanted = arguments | changes
    return assemble_source(index_digest=digest_of(wanted["index"]), **wanted)


def rewrite(path: Path, schema: pa.Schema, **metadata: str) -> None:
    """Write a table again under other metadata."""
    table = read_table(path)
    write_table(table.to_pylist(), schema, path, metadata=metadata_of(table) | metadata)


def counts(rows: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {
        status: sum(row["status"] == status for row in rows.values()) for status in ("kept", "excluded", "duplicate")
    }


def test_every_file_is_accounted_for(corpus: SmallCorpus) -> None:
    assert counts(corpus.rows("tiny")) == {"kept": 5, "excluded": 5, "duplicate": 2}
    assert counts(corpus.rows("frames")) == {"kept": 5, "excluded": 3, "duplicate": 0}
    assert counts(corpus.rows()) == {"kept": 9, "excluded": 8, "duplicate": 3}


def test_reasons_are_those_of_the_files(corpus: SmallCorpus) -> None:
    assert {path: row["reason"] for path, row in corpus.rows("tiny").items() if row["reason"]} == {
        "notes/leftover.nii.gz": "S_LAYOUT",
        "sub-01/._sub-01_T1w.nii.gz": "S_HIDDEN",
        "sub-01/sub-01_mask.nii.gz": "S_LABEL",
        "sub-03/sub-03_T1w.nii.gz": "E_GZ_TRUNC",
        "sub-03/sub-03_T2w.nii.gz": "E_EMPTY",
        "sub-04/sub-04_T1w.nii.gz": "E_DUP_FILE",
        "sub-05/sub-05_T1w.nii": "E_DUP_VOXEL",
    }


def test_the_schema_is_the_manifests(corpus: SmallCorpus) -> None:
    for name in ("tiny", "frames", "corpus"):
        table = read_table(corpus.workdir / f"manifests/{name}.parquet")
        assert table.schema.equals(MANIFEST)


def test_the_contracts_columns_are_there() -> None:
    assert len(CONTRACT) == 36
    assert set(MANIFEST.names) >= CONTRACT


def test_no_two_volumes_share_a_name(corpus: SmallCorpus) -> None:
    names = [row["volume_id"] for row in corpus.rows().values()]
    assert len(set(names)) == len(names) == 20


def test_the_first_of_equal_files_by_path_is_kept(corpus: SmallCorpus) -> None:
    rows = corpus.rows("tiny")
    first = rows["sub-01/sub-01_T1w.nii.gz"]
    assert first["status"] == "kept"
    assert rows["sub-04/sub-04_T1w.nii.gz"]["detail"] == f"of {first['volume_id']}"


def test_the_same_voxels_are_found_under_another_header(corpus: SmallCorpus) -> None:
    first, twin = (corpus.rows("tiny")[path] for path in ("sub-02/sub-02_T1w.nii.gz", "sub-05/sub-05_T1w.nii"))
    assert (first["original_orientation"], twin["original_orientation"]) == ("RAS", "LPS")
    assert twin["detail"] == f"of {first['volume_id']}"
    assert twin["voxel_sha256"] == first["voxel_sha256"]
    assert twin["source_sha256"] != first["source_sha256"]


def test_the_same_image_in_two_sources_is_one(corpus: SmallCorpus) -> None:
    path = "sub-06/sub-06_FLAIR.nii.gz"
    assert corpus.rows("tiny")[path]["status"] == "kept"
    row, original = corpus.rows()[path], corpus.rows()["images/case12.nii.gz:flair"]
    assert (row["status"], row["reason"], row["detail"]) == ("duplicate", "E_DUP_VOXEL", f"of {original['volume_id']}")
    assert (row["split"], row["shard"]) == (None, None)


def test_only_what_is_kept_has_a_place_and_a_split(corpus: SmallCorpus) -> None:
    for row in corpus.rows().values():
        kept = row["status"] == "kept"
        assert all((row[key] is not None) is kept for key in ("shard", "array", "stored_bytes", "split")), row


def test_subjects_are_on_one_side(corpus: SmallCorpus) -> None:
    kept = [row for row in corpus.rows().values() if row["status"] == "kept"]
    sides = {(row["source"], row["subject"], row["split"]) for row in kept}
    assert len(sides) == len({side[:2] for side in sides})
    assert {side for _, _, side in sides} == {"train", "val"}


def test_metadata_tells_what_was_built(corpus: SmallCorpus) -> None:
    source, whole = (
        metadata_of(read_table(corpus.workdir / f"manifests/{name}.parquet")) for name in ("tiny", "corpus")
    )
    assert json.loads(source["expected"])["volumes"] == 7
    assert (source["licence"], source["selection"]) == ("CC0", "reference")
    assert set(whole) == {"build_id", "recipe", "selection"}
    assert whole["build_id"] == source["build_id"]


def test_rows_carry_their_sources_licence(corpus: SmallCorpus) -> None:
    assert {(row["source"], row["licence"]) for row in corpus.rows().values()} == {
        ("tiny", "CC0"),
        ("frames", "CC BY 4.0"),
    }


def test_a_planned_volume_that_no_shard_read_is_excluded(copied: SmallCorpus) -> None:
    rows = {row["source_path"]: row for row in assemble(copied, rows=[])}
    row = rows["sub-01/sub-01_T1w.nii.gz"]
    assert (row["status"], row["reason"], row["detail"]) == ("excluded", "E_CHANGED", "planned, but no shard read it")
    assert rows["sub-01/sub-01_mask.nii.gz"]["reason"] == "S_LABEL"


def test_flags_of_scan_and_reading_are_joined(copied: SmallCorpus) -> None:
    index = copied.workdir / index_path("tiny")
    rows = [row | {"flags": ["F_PARTIAL_SPLIT"]} for row in read_table(index).to_pylist()]
    write_table(rows, INDEX, index)
    flags = {row["source_path"]: row["flags"] for row in assemble(copied)}
    assert flags["sub-07/sub-07_T2w.nii.gz"] == ["F_NEGATIVE", "F_PARTIAL_SPLIT"]
    assert flags["sub-01/sub-01_mask.nii.gz"] == ["F_PARTIAL_SPLIT"]


def test_another_selection_takes_others(copied: SmallCorpus) -> None:
    rows = {row["source_path"]: row for row in assemble(copied, selection="clean")}
    assert rows["sub-06/sub-06_FLAIR.nii.gz"]["reason"] == "S_COHORT"
    assert rows["sub-01/sub-01_T1w.nii.gz"]["status"] == "kept"


def test_shards_of_two_builds_are_refused(copied: SmallCorpus) -> None:
    path = sorted((copied.workdir / "data/corpus/tiny").glob("*.parquet"))[0]
    rewrite(path, ROWS, build_id="another")
    with pytest.raises(DataError, match=r"shards of different builds \(.*another.*\)\. Build the corpus again"):
        assemble(copied)


def test_sources_of_two_builds_are_refused(copied: SmallCorpus) -> None:
    manifests = [copied.workdir / f"manifests/{name}.parquet" for name in ("frames", "tiny")]
    rewrite(manifests[0], MANIFEST, build_id="another")
    with pytest.raises(DataError, match="the sources are of different builds"):
        assemble_corpus(manifests, copied.manifest)


def test_a_name_that_occurs_twice_is_refused(corpus: SmallCorpus, tmp_path: Path) -> None:
    manifest = corpus.workdir / "manifests/tiny.parquet"
    with pytest.raises(DataError, match=r"volume_id tiny_.* occurs twice"):
        assemble_corpus([manifest, manifest], tmp_path / "corpus.parquet")
    assert not (tmp_path / "corpus.parquet").exists()


def account(*rows: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [{"volume_id": f"v{n}", "status": status, "reason": reason} for n, (status, reason) in enumerate(rows)]


def test_accounts_that_add_up_pass() -> None:
    require_accounts(account(("kept", None), ("excluded", "E_NAN"), ("duplicate", "E_DUP_FILE")), found=3, name="m")


@pytest.mark.parametrize("found", [0, 1, 3])
def test_a_lost_or_invented_row_is_told(found: int) -> None:
    with pytest.raises(DataError, match=f"m: {found} found, but"):
        require_accounts(account(("kept", None), ("excluded", "E_NAN")), found=found, name="m")


def test_an_unknown_status_is_told() -> None:
    with pytest.raises(DataError, match=r"1 found, but \{'lost': 1\}"):
        require_accounts(account(("lost", "E_NAN")), found=1, name="m")


@pytest.mark.parametrize("row", [("kept", "E_NAN"), ("excluded", None), ("duplicate", None)])
def test_a_status_without_its_reason_is_told(row: tuple[str, str | None]) -> None:
    with pytest.raises(DataError, match="v0 has a status that its reason does not explain"):
        require_accounts(account(row), found=1, name="m")


def sides(source: str, seed: int) -> str:
    return "".join(split_of(source, f"sub-{n:02d}", seed=seed, val_fraction=0.2)[0] for n in range(8))


def test_the_split_stays_for_ever() -> None:
    assert sides("adni", 45) == "vvtvtvtt"


def test_the_split_depends_on_seed_and_source() -> None:
    assert sides("adni", 46) == "ttvtvvtt"
    assert sides("tiny", 45) == "tttvvttt"


@given(st.text(max_size=30), st.integers())
def test_the_split_is_pure_and_keeps_to_its_ends(subject: str, seed: int) -> None:
    def side(fraction: float) -> str:
        return split_of("tiny", subject, seed=seed, val_fraction=fraction)

    assert (side(0.0), side(1.0)) == ("train", "val")
    assert side(0.5) == side(0.5)
    # A subject in val stays there when val grows.
    assert [side(step / 10) for step in range(11)] == sorted(side(step / 10) for step in range(11))


def test_the_split_has_the_share_asked_for() -> None:
    drawn = [split_of("tiny", f"sub-{n}", seed=45, val_fraction=0.2) for n in range(5000)]
    assert 900 < drawn.count("val") < 1100


def test_adding_a_subject_moves_no_other(corpus: SmallCorpus, copied: SmallCorpus) -> None:
    index = copied.workdir / index_path("tiny")
    rows = read_table(index).to_pylist()
    write_table([row for row in rows if row["subject"] != "sub-02"], INDEX, index)
    before = {row["source_path"]: row["split"] for row in corpus.rows("tiny").values()}
    after = {row["source_path"]: row["split"] for row in assemble(copied)}
    moved = {path for path, side in after.items() if side != before[path]}
    # sub-05 was sub-02's twin: it is kept now, and so has a side.
    assert moved == {"sub-05/sub-05_T1w.nii"}


def test_shards_that_no_bucket_has_are_removed(copied: SmallCorpus) -> None:
    folder = copied.workdir / "data/corpus/tiny"
    used = [folder / "tiny-0000.parquet", folder / "tiny-0001.parquet"]
    pictures = copied.workdir / "manifests/reports/pictures"
    removed = remove_orphans(used, pictures)
    assert sorted(path.name for path in removed) == ["tiny-0002", "tiny-0002.parquet", "tiny-0002.zarr"]
    left = sorted(path.name for path in pictures.iterdir())
    assert left == ["frames-0000", "frames-0001", "tiny-0000", "tiny-0001"]
    assert sorted(path.name for path in folder.iterdir()) == [
        f"tiny-000{bucket}.{kind}" for bucket in (0, 1) for kind in ("parquet", "zarr")
    ]


def test_a_moved_corpus_is_the_same(copied: SmallCorpus) -> None:
    moved = replace(copied, workdir=copied.workdir.with_name("moved"))
    shutil.move(copied.workdir, moved.workdir)
    before = moved.rows("tiny")
    assemble(moved)
    assert moved.rows("tiny") == before


def test_an_index_that_another_run_has_changed_is_refused(corpus: SmallCorpus) -> None:
    arguments: dict[str, Any] = {
        "rows": [],
        "facts": {},
        "root": Path("nowhere"),
        "selection": "reference",
        "split": {},
        "manifest": Path("never.parquet"),
    }
    with pytest.raises(DataError, match="changed since this run began"):
        assemble_source(index=corpus.workdir / index_path("tiny"), index_digest="another", **arguments)


def test_the_manifest_of_a_source_that_is_gone_goes_and_a_users_table_stays(copied: SmallCorpus) -> None:
    folder = copied.workdir / "manifests"
    shutil.copyfile(folder / "tiny.parquet", folder / "gone.parquet")
    (folder / "notes.parquet").write_bytes(b"mine")
    write_table([{"volume_id": "a", "candidate": "a"}], ROWS, folder / "mine.parquet")
    assemble_corpus([folder / "frames.parquet", folder / "tiny.parquet"], folder / "corpus.parquet")
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {"frames.parquet", "tiny.parquet", "corpus.parquet", "notes.parquet", "mine.parquet"}
