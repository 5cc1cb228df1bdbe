"""Find the same image under two names."""

from collections.abc import Iterable, Mapping
from typing import Any

from brains45k.codes import Code
from brains45k.corpus.manifest import Status

Row = dict[str, Any]

_OF = "of "


def mark_duplicates(rows: Iterable[Row]) -> list[Row]:
    """Keep the first of equal images and mark the others, with the name of the one kept.

    First in the order of ``rows`` means first by path within a source, and first by name between sources.
    Equal files hold equal voxels, and the reason names the stronger evidence.

    Parameters
    ----------
    rows : iterable of dict
        Manifest rows; rows that are not kept pass through.
    """
    by_file: dict[object, str] = {}
    by_voxels: dict[object, str] = {}
    originals: dict[str, str] = {}
    result = []
    for row in rows:
        marked = row
        if row["status"] == Status.KEPT:
            name = row["volume_id"]
            original = by_voxels.setdefault(row["voxel_sha256"], name)
            same_file = by_file.setdefault((row["source_sha256"], row["channel"]), name) != name
            if original != name:
                originals[name] = original
                marked = _as_duplicate(row, Code.E_DUP_FILE if same_file else Code.E_DUP_VOXEL, original)
        elif row["status"] == Status.DUPLICATE:
            # It was marked in its own source; what it was a copy of may be a copy itself between sources.
            known = original_of(row) or ""
            marked = row | {"detail": f"{_OF}{originals.get(known, known)}"}
        result.append(marked)
    return result


def original_of(row: Mapping[str, Any]) -> str | None:
    """Return the ``volume_id`` of the image that a row is a duplicate of; None for a row that is none."""
    return row["detail"].removeprefix(_OF) if row["status"] == Status.DUPLICATE else None


def _as_duplicate(row: Row, code: Code, original: str) -> Row:
    place = {"shard": None, "array": None, "stored_bytes": None, "split": None}
    return row | place | {"status": Status.DUPLICATE.value, "reason": code.value, "detail": f"{_OF}{original}"}
