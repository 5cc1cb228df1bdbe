"""Say why a file is in the corpus or out of it, in sentences."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brains45k.codes import Code
from brains45k.corpus.manifest import Status, read_manifest
from brains45k.corpus.plan import printable
from brains45k.errors import CallError, DataError

_MAX_SHOWN = 20


def explain_path(path: str, manifest: Path) -> list[str]:
    """Explain every row whose ``volume_id`` is ``path`` or whose file's path ends in it, or else contains it.

    Raises
    ------
    DataError
        If no row fits: the file lies outside the sources' roots, or its extension is no image's.
    CallError
        If the path is empty.
    """
    rows = read_manifest(manifest).to_pylist()
    wanted = printable(path).rstrip("/")
    if not wanted.strip("./"):
        msg = "explain: the path says nothing. Name a file, a part of its path, or a volume_id."
        raise CallError(msg)
    found = [row for row in rows if wanted == row["volume_id"] or _is_end(wanted, row["source_path"])]
    found = found or [row for row in rows if wanted in row["source_path"]]
    found = found or [row for row in rows if _is_slice(wanted, row)]
    if not found:
        msg = f"{path}: no candidate of that name. It lies outside every root, is no image by its extension, or is "
        msg += f"newer than {manifest}."
        raise DataError(msg)
    lines = [line for row in found[:_MAX_SHOWN] for line in _explain_row(row)]
    rest = len(found) - _MAX_SHOWN
    return [*lines, f"... and {rest:,} more"] if rest > 0 else lines


def _is_end(wanted: str, source_path: str) -> bool:
    """Tell whether a path as the user writes it and one relative to a root name the same file."""
    absolute = str(Path(wanted).absolute())
    return absolute.endswith(f"/{source_path}") or f"/{source_path}".endswith(f"/{wanted.lstrip('./')}")


def _is_slice(wanted: str, row: Mapping[str, Any]) -> bool:
    """Tell whether a path names a file of the folder that a DICOM series' row stands for."""
    folder = wanted.rpartition("/")[0]
    return bool(folder) and row["source_format"] == "dcm" and _is_end(folder, row["source_path"].rpartition("/")[0])


def _explain_row(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"{row['volume_id']}  ({row['source']}: {row['source_path']}{_channel(row)})"
    if row["status"] == Status.KEPT:
        yield f"  kept, in {row['shard']}, {row['split']}"
    else:
        detail = f" [{row['detail']}]" if row["detail"] else ""
        yield f"  {row['status']}: {row['reason']}: {Code(row['reason']).sentence}{detail}"
    yield f"  as {row['suffix'] or 'unknown contrast'}, by {row['series_rule']}; layout {row['layout'] or 'none'}"
    verdicts = [f"{name} selection: {_taken(row[f'{name}_selected'])}" for name in ("reference", "clean")]
    yield "  " + "; ".join(verdicts)
    for code in [*(row["repairs"] or []), *(row["flags"] or [])]:
        yield f"  {code}: {Code(code).sentence}"
    if row["remarks"]:
        yield f"  {row['remarks']}"


def _channel(row: Mapping[str, Any]) -> str:
    return f", channel {row['channel']}" if row["channel"] else ""


def _taken(selected: bool) -> str:
    return "takes it" if selected else "leaves it out"
