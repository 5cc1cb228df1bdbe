"""Find the same image under two names."""

from collections.abc import Callable, Iterable
from typing import Any

from brains45k.codes import Code
from brains45k.corpus.manifest import Status

Row = dict[str, Any]


def mark_duplicates(rows: Iterable[Row]) -> list[Row]:
    """Keep the first of equal images and mark the others, with the name of the one kept.

    First in the order of ``rows`` means first by path within a source, and first by name between sources.
    Equal files come before equal voxels, so that the reason names the stronger evidence.

    Parameters
    ----------
    rows : iterable of dict
        Manifest rows; rows that are not kept pass through.
    """
    marked = _mark(list(rows), _file_key, Code.E_DUP_FILE)
    return _mark(marked, _voxel_key, Code.E_DUP_VOXEL)


def _file_key(row: Row) -> object:
    return row["source_sha256"], row["channel"]


def _voxel_key(row: Row) -> object:
    return row["voxel_sha256"]


def _mark(rows: list[Row], key: Callable[[Row], object], code: Code) -> list[Row]:
    first: dict[object, str] = {}
    result = []
    for row in rows:
        kept = row["status"] == Status.KEPT
        original = first.setdefault(key(row), row["volume_id"]) if kept else row["volume_id"]
        result.append(row if original == row["volume_id"] else _as_duplicate(row, code, original))
    return result


def _as_duplicate(row: Row, code: Code, original: str) -> Row:
    place = {"shard": None, "array": None, "stored_bytes": None, "split": None}
    return row | place | {"status": Status.DUPLICATE.value, "reason": code.value, "detail": f"of {original}"}
