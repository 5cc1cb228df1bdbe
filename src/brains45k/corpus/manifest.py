"""The schemas of the index and the manifest, in one place, and how such tables are written.

A manifest row is an index row (what the path says of a candidate) and a reading row (what the file says),
joined, with its place in the corpus. Readers may rely on the names in :data:`MANIFEST`.
"""

import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brains45k.errors import DataError

_TEXT_LIST = pa.list_(pa.string())
_SHAPE = pa.list_(pa.int32())
_SPACING = pa.list_(pa.float64())


class Status(StrEnum):
    """What became of a candidate; every row has exactly one."""

    KEPT = "kept"
    EXCLUDED = "excluded"
    DUPLICATE = "duplicate"


#: Identity and origin: known from the path alone.
IDENTITY = (
    pa.field("volume_id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("subject", pa.string()),
    pa.field("session", pa.string()),
    pa.field("series", pa.string()),
    pa.field("suffix", pa.string()),
    pa.field("contrast_agent", pa.string()),
    pa.field("source_path", pa.string(), nullable=False),
    pa.field("channel", pa.string()),
    pa.field("source_bytes", pa.int64(), nullable=False),
    pa.field("source_format", pa.string(), nullable=False),
    pa.field("layout", pa.string()),
    pa.field("series_kind", pa.string()),
    pa.field("series_rule", pa.string()),
)

#: What the scanner was set to, as far as a sidecar, the DICOM series or a table of the download tells.
FACTS = (
    pa.field("description", pa.string()),
    pa.field("visit", pa.string()),
    pa.field("origin", pa.string()),
    pa.field("sequence", pa.string()),
    pa.field("weighting", pa.string()),
    pa.field("manufacturer", pa.string()),
    pa.field("model", pa.string()),
    pa.field("field_strength_t", pa.float64()),
    pa.field("echo_time_ms", pa.float64()),
    pa.field("repetition_time_ms", pa.float64()),
    pa.field("inversion_time_ms", pa.float64()),
    pa.field("flip_angle_deg", pa.float64()),
    pa.field("slice_thickness_mm", pa.float64()),
)

#: What the file says, known once it was read.
READING = (
    pa.field("source_sha256", pa.string()),
    pa.field("repairs", _TEXT_LIST),
    pa.field("flags", _TEXT_LIST),
    pa.field("remarks", pa.string()),
    pa.field("original_shape", _SHAPE),
    pa.field("original_spacing", _SPACING),
    pa.field("original_orientation", pa.string()),
    pa.field("original_dtype", pa.string()),
    pa.field("shape", _SHAPE),
    pa.field("spacing", _SPACING),
    pa.field("affine", pa.list_(pa.float64())),
    pa.field("crop_start", _SHAPE),
    pa.field("clip_value", pa.float64()),
    pa.field("mean", pa.float64()),
    pa.field("std", pa.float64()),
    pa.field("score_low", pa.float64()),
    pa.field("score_high", pa.float64()),
    pa.field("foreground_fraction", pa.float64()),
    pa.field("voxel_sha256", pa.string()),
    pa.field("shard", pa.string()),
    pa.field("array", pa.string()),
    pa.field("stored_bytes", pa.int64()),
)

#: The verdicts: of both selections, and what came of it.
VERDICT = (
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string()),
    pa.field("detail", pa.string()),
    pa.field("reference_selected", pa.bool_(), nullable=False),
    pa.field("clean_selected", pa.bool_(), nullable=False),
)

INDEX = pa.schema(
    [
        *IDENTITY,
        pa.field("source_mtime_ns", pa.int64(), nullable=False),
        pa.field("reference_code", pa.string()),
        pa.field("reference_detail", pa.string()),
        pa.field("clean_code", pa.string()),
        pa.field("clean_detail", pa.string()),
        pa.field("flags", _TEXT_LIST),
    ]
)

ROWS = pa.schema(
    [
        pa.field("volume_id", pa.string(), nullable=False),
        # Of a candidate that holds several images, each has a row: the candidate's name, and what tells them apart.
        pa.field("candidate", pa.string(), nullable=False),
        pa.field("part", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("reference_rule", pa.bool_()),
        pa.field("clean_rule", pa.bool_()),
        *READING,
        *FACTS,
    ]
)

MANIFEST = pa.schema(
    [
        *IDENTITY,
        *VERDICT,
        *READING,
        pa.field("split", pa.string()),
        pa.field("licence", pa.string(), nullable=False),
        *FACTS,
    ]
)


def write_table(
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
    path: Path,
    *,
    metadata: Mapping[str, str] | None = None,
) -> bool:
    """Write rows as Parquet, in one move, and only if the file would change.

    Returns
    -------
    bool
        Whether the file was written.
    """
    encoded = {key.encode(): value.encode() for key, value in (metadata or {}).items()}
    table = pa.Table.from_pylist(list(rows), schema=schema.with_metadata(encoded))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return write_if_changed(path, buffer.getvalue())


def write_if_changed(path: Path, content: bytes) -> bool:
    """Put content in place in one move; leave a file that holds it already untouched."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)  # noqa: PTH105 - the one call that is atomic on every system
    return True


def digest_of(path: Path) -> str:
    """Return a short digest of a file's content, by which the workflow tells whether it changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def require_digest(path: Path, expected: str) -> None:
    """Raise unless a file is the one that a job was planned with.

    Raises
    ------
    DataError
        If it changed since.
    """
    if digest_of(path) != expected:
        msg = f"{path}: changed since this run began, by another run in the same folder. Run again, one at a time."
        raise DataError(msg)


def read_manifest(path: Path) -> pa.Table:
    """Read a manifest.

    Raises
    ------
    DataError
        If the file is missing, no Parquet, or another table than a manifest of this version.
    """
    table = read_table(path)
    missing = sorted(set(MANIFEST.names) - set(table.schema.names))
    if missing:
        msg = f"{path}: no manifest of this version (without {missing[0]}). Name manifests/corpus.parquet, or build it."
        raise DataError(msg)
    return table


def read_table(path: Path) -> pa.Table:
    """Read a table of this package.

    Raises
    ------
    DataError
        If the file is missing or no Parquet.
    """
    return _read(path, pq.read_table)


def read_metadata(path: Path) -> dict[str, str]:
    """Read a table's own metadata, without its rows.

    Raises
    ------
    DataError
        If the file is missing or no Parquet.
    """
    return _as_text(_read(path, pq.read_schema))


def metadata_of(table: pa.Table) -> dict[str, str]:
    """Return the metadata of a table that was read."""
    return _as_text(table.schema)


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    if not path.is_file():
        msg = f"{path}: no such file. Build it with 'snakemake --cores all corpus'."
        raise DataError(msg)
    try:
        return reader(path)
    except (pa.ArrowInvalid, OSError) as error:
        cause = " ".join(str(error).split())
        msg = f"{path}: not a readable Parquet file ({cause}). Delete it and run 'snakemake --cores all corpus'."
        raise DataError(msg) from error


def _as_text(schema: pa.Schema) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
