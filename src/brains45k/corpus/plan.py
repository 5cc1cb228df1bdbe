"""The index of a source and the plan of each of its shards.

Every subject belongs to one of a fixed number of buckets by a stable hash, and a bucket is a shard. So the
shards of a corpus are known before any file is opened, and a new subject changes just one of them.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from brains45k.corpus.manifest import INDEX, metadata_of, write_if_changed, write_table
from brains45k.corpus.memory import BASE_BYTES, Extent, peak_bytes, peek
from brains45k.sources.candidate import Candidate, Verdict
from brains45k.sources.catalog import Source
from brains45k.sources.walk import FoundFile

_HEADER_READERS = 16
_MIB = 1 << 20


def shard_name(source: str, bucket: int) -> str:
    """Name a shard.

    >>> shard_name("adni", 7)
    'adni-0007'
    """
    return f"{source}-{bucket:04d}"


def bucket_of(source: str, subject: str, buckets: int) -> int:
    """Return the bucket of a subject: the same on every machine and for ever."""
    digest = hashlib.sha256(f"{source}\0{subject}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def write_index(candidates: Sequence[Candidate], tables: Sequence[FoundFile], path: Path, *, demo: bool) -> bool:
    """Write what the scan found; the file stays untouched if nothing changed.

    Tables are named with their size and time: what they say goes into the manifest, which follows their changes.
    """
    rows = [index_row(candidate) for candidate in candidates]
    found = [(printable(table.path), table.bytes, table.mtime_ns) for table in tables]
    return write_table(rows, INDEX, path, metadata={"demo": str(demo), "tables": json.dumps(found)})


def tables_of(index: pa.Table) -> list[str]:
    """Return the paths of the tables that an index names, relative to the source's root."""
    return [path for path, _, _ in json.loads(metadata_of(index).get("tables", "[]"))]


def index_row(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as a row of the index."""
    file, channel = candidate.file, candidate.channel
    row: dict[str, Any] = {
        "volume_id": candidate.volume_id,
        "source": candidate.source,
        "subject": candidate.subject,
        "session": candidate.session,
        "series": candidate.series,
        "suffix": candidate.name.suffix,
        "contrast_agent": candidate.name.contrast_agent,
        "source_path": file.path,
        "channel": channel.name if channel else None,
        "source_bytes": file.bytes,
        "source_mtime_ns": file.mtime_ns,
        "source_format": file.extension.lstrip("."),
        "layout": candidate.layout.name if candidate.layout else None,
        "series_kind": candidate.name.kind.value,
        "series_rule": candidate.name.rule,
        **_verdict_columns("reference", candidate.reference),
        **_verdict_columns("clean", candidate.clean),
        "flags": [code.value for code in candidate.flags],
    }
    return {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}


def write_plans(
    source: Source, candidates: Sequence[Candidate], *, root: Path, selection: str, buckets: int, folder: Path
) -> list[Path]:
    """Write one plan per bucket; a plan that would say the same stays untouched.

    A plan holds all that a shard depends on in the source: which files, and their size and time, so that a
    changed file changes its shard's plan and no other; and what each header declares, from which the job's memory
    follows. Headers are read of files that are new or changed. ``root`` is where they lie; it is no part of a plan.

    Returns
    -------
    list of Path
        ``folder/NAME-0000.json`` and on, one per bucket, empty buckets included.
    """
    members: list[list[dict[str, Any]]] = [[] for _ in range(buckets)]
    taken = [candidate for candidate in candidates if candidate.verdict(selection).taken]
    for candidate, extent in zip(taken, _extents(taken, root, folder), strict=True):
        subject = candidate.subject or candidate.file.path
        members[bucket_of(source.name, subject, buckets)].append(_plan_entry(candidate, root) | {"extent": extent})
    rules = {name: asdict(rules.volume) for name, rules in source.selections.items()}
    paths = []
    for bucket, volumes in enumerate(members):
        name = shard_name(source.name, bucket)
        plan = {
            "source": source.name,
            "shard": name,
            "selection": selection,
            "rules": rules,
            "volumes": volumes,
        }
        path = folder / f"{name}.json"
        write_if_changed(path, _as_text(plan).encode())
        paths.append(path)
    for stale in set(folder.glob("*.json")) - set(paths):
        stale.unlink()
    return paths


def read_plan(path: Path) -> dict[str, Any]:
    """Read a shard's plan."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def memory_mb(plan_path: Path, *, spacing_mm: float) -> int:
    """Return the memory that a shard's job needs, by the largest of its volumes, in MiB."""
    needed = [
        peak_bytes(_extent_of(volume), file_bytes=volume["bytes"], spacing_mm=spacing_mm)
        for volume in read_plan(plan_path)["volumes"]
    ]
    return (BASE_BYTES + max(needed, default=0)) // _MIB + 1


def _extent_of(volume: dict[str, Any]) -> Extent | None:
    return Extent(**volume["extent"]) if volume["extent"] else None


def _extents(candidates: Sequence[Candidate], root: Path, folder: Path) -> Iterator[dict[str, Any] | None]:
    """Give what each candidate's header declares: from the plans before, or from the file."""
    known = {
        (volume["path"], volume["bytes"], volume["mtime_ns"]): volume["extent"]
        for path in folder.glob("*.json")
        for volume in read_plan(path)["volumes"]
        # Of what could not be read it is not remembered: the disk may answer now.
        if volume.get("extent")
    }
    files = {
        candidate.file: (candidate.file.path, candidate.file.bytes, candidate.file.mtime_ns) for candidate in candidates
    }
    unknown = [file for file, key in files.items() if key not in known]
    # On a slow disk each header is a wait.
    with ThreadPoolExecutor(_HEADER_READERS) as pool:
        for file, extent in zip(unknown, pool.map(lambda file: peek(root / file.path), unknown), strict=True):
            known[files[file]] = asdict(extent) if extent else None
    return (known[files[candidate.file]] for candidate in candidates)


def _as_text(plan: dict[str, Any]) -> str:
    """Write a plan as JSON with a line per volume: people read it, and it is written often."""
    head = json.dumps({key: value for key, value in plan.items() if key != "volumes"})
    volumes = ",\n".join(json.dumps(volume) for volume in plan["volumes"])
    return f'{head[:-1]}, "volumes": [\n{volumes}\n]}}\n'


def _plan_entry(candidate: Candidate, root: Path) -> dict[str, Any]:
    return {
        "volume_id": candidate.volume_id,
        "path": candidate.file.path,
        "bytes": candidate.file.bytes,
        "mtime_ns": candidate.file.mtime_ns,
        "frame": candidate.channel.index if candidate.channel else None,
        # Kept in the plan so that a file which may be read again is read again.
        "readable": os.access(f"{root}/{candidate.file.path}", os.R_OK),
        "kind": candidate.name.kind.value,
        "without": list(candidate.without),
        "stamp": candidate.file.stamp,
    }


def _verdict_columns(selection: str, verdict: Verdict) -> dict[str, str | None]:
    code = verdict.code.value if verdict.code else None
    return {f"{selection}_code": code, f"{selection}_detail": verdict.detail or None}


def printable(text: str) -> str:
    """Return text of a path as valid UTF-8: bytes of a file name that are not are escaped."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
