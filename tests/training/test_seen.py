from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.small_corpus import SmallCorpus

from brains45k.corpus.manifest import read_table
from brains45k.errors import DataError
from brains45k.training.seen import read_seen


def test_sees_the_kept_volumes_alone(corpus: SmallCorpus) -> None:
    seen = read_seen(corpus.manifest)
    kept = [row for row in read_table(corpus.manifest).to_pylist() if row["status"] == "kept"]
    assert [row["volume_id"] for row in seen.table.to_pylist()] == [row["volume_id"] for row in kept]
    assert seen.subjects() == sorted({f"{row['source']}/{row['subject']}" for row in kept})
    assert seen.build_id


@pytest.mark.parametrize(
    ("column", "value", "same"),
    [
        ("voxel_sha256", "other", False),
        ("split", "other", False),
        ("status", "excluded", False),
        ("remarks", "x", True),
    ],
)
def test_digest_follows_the_volumes(corpus: SmallCorpus, tmp_path: Path, column: str, value: str, same: bool) -> None:
    table = read_table(corpus.manifest)
    rows = table.to_pylist()
    next(row for row in rows if row["status"] == "kept")[column] = value
    changed = tmp_path / "changed.parquet"
    pq.write_table(table.from_pylist(rows, schema=table.schema), changed)
    assert (read_seen(changed).digest == read_seen(corpus.manifest).digest) is same


def test_digest_follows_the_build(corpus: SmallCorpus, tmp_path: Path) -> None:
    table = read_table(corpus.manifest)
    metadata = {**table.schema.metadata, b"build_id": b"another"}
    changed = tmp_path / "changed.parquet"
    pq.write_table(table.replace_schema_metadata(metadata), changed)
    assert read_seen(changed).digest != read_seen(corpus.manifest).digest


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.parquet: no such file"):
        read_seen(tmp_path / "no.parquet")
