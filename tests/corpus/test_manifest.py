"""Tables: written in one move and only if they change; what is no table is told in one line."""

from pathlib import Path

import pytest

from brains45k.corpus.manifest import (
    INDEX,
    MANIFEST,
    READING,
    ROWS,
    metadata_of,
    read_table,
    write_if_changed,
    write_table,
)
from brains45k.corpus.timing import seconds_per_volume
from brains45k.errors import DataError


def test_content_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/file"
    assert write_if_changed(path, b"one")
    assert not write_if_changed(path, b"one")
    assert write_if_changed(path, b"two")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_a_table_comes_back_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert write_table(
        [{"volume_id": "a", "candidate": "a", "flags": ["F_THIN"]}], ROWS, path, metadata={"build_id": "1"}
    )
    table = read_table(path)
    assert table.schema.equals(ROWS)
    assert metadata_of(table) == {"build_id": "1"}
    (row,) = table.to_pylist()
    assert (row["volume_id"], row["flags"], row["reason"]) == ("a", ["F_THIN"], None)


def test_other_metadata_is_another_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert write_table([], ROWS, path, metadata={"build_id": "1"})
    assert write_table([], ROWS, path, metadata={"build_id": "2"})
    assert not write_table([], ROWS, path, metadata={"build_id": "2"})


def test_what_a_shard_reads_is_part_of_the_manifest() -> None:
    assert {field.name for field in READING} < set(MANIFEST.names)
    assert len(set(MANIFEST.names)) == len(MANIFEST.names)
    assert {"reference_code", "clean_code", "source_mtime_ns"} <= set(INDEX.names)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.parquet: no such file\. Build it with 'snakemake --cores all corpus'\."):
        read_table(tmp_path / "a.parquet")


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" + bytes(100)])
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet: not a readable Parquet file .*Delete it") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_footer_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    for name in ("tiny", "corpus"):
        write_table([{"volume_id": "a", "candidate": "a"}], ROWS, tmp_path / f"{name}.parquet")
    with pytest.raises(DataError):
        read_table(tmp_path)


def test_seconds_per_volume_come_from_the_logs(tmp_path: Path) -> None:
    (tmp_path / "tiny-0000.log").write_text("kept\t1.00 s\ta\ta.nii\t\nE_NAN\t2.00 s\tb\tb.nii\t5 voxels\n")
    (tmp_path / "tiny-0001.log").write_text("kept\t6.00 s\tc\tc.nii\t\nbrains45k: some error\n")
    (tmp_path / "other-0000.log").write_text("kept\t9.00 s\td\td.nii\t\n")
    assert seconds_per_volume(tmp_path, "tiny") == 3


def test_no_logs_are_no_time(tmp_path: Path) -> None:
    assert seconds_per_volume(tmp_path, "tiny") is None
