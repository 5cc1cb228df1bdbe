"""Assemble manifests: join the index with what the shards read, and account for every file."""

import hashlib
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brains45k.codes import Code
from brains45k.corpus.duplicates import mark_duplicates
from brains45k.corpus.manifest import (
    FACTS,
    MANIFEST,
    READING,
    Status,
    metadata_of,
    read_manifest,
    read_table,
    require_digest,
    write_table,
)
from brains45k.corpus.plan import tables_of
from brains45k.errors import DataError
from brains45k.sources.facts import Facts
from brains45k.sources.tables import Tables, read_tables

Row = dict[str, Any]

_SHARD_NAME = re.compile(r"\w+-\d{4,}\.(?:zarr|parquet)")


def assemble_source(
    *,
    index: Path,
    index_digest: str,
    rows: Sequence[Path],
    facts: Mapping[str, Any],
    root: Path,
    selection: str,
    split: Mapping[str, Any],
    manifest: Path,
) -> list[Row]:
    """Write the manifest of one source.

    Parameters
    ----------
    index : Path
        What the scan found.
    index_digest : str
        What the workflow decided on.
    rows : sequence of Path
        What the shards read.
    facts : mapping
        Of the source file: ``title``, ``licence`` and ``expected`` go into the manifest, ``metadata`` names the kinds
        of tables that may lie with the download.
    root : Path
        The source's folder, below which the index's tables lie.
    selection : {"reference", "clean"}
        Which selection decided.
    split : mapping
        ``seed`` and ``val_fraction`` of the train/val split by subject.
    manifest : Path
        Where the Parquet file goes.

    Raises
    ------
    DataError
        If the index is not the one that was decided on, shards are of different builds, or the rows do not
        account for every candidate.
    """
    require_digest(index, index_digest)
    read, build = _read_rows(rows)
    found = read_table(index)
    tables = read_tables(facts["metadata"], root, tables_of(found))
    joined = [row for entry in found.to_pylist() for row in _join(entry, read, facts, selection)]
    joined = [_state(row, tables) for row in joined]
    marked = mark_duplicates(sorted(joined, key=lambda row: (row["source_path"], row["channel"] or "")))
    table = [_place(row, split) for row in marked]
    require_accounts(table, found=len(joined), name=str(manifest))
    metadata = {
        "title": facts["title"], "licence": facts["licence"], "expected": json.dumps(facts["expected"]),
        "selection": selection, "warnings": json.dumps(tables.warnings), **build,
    }  # fmt: skip
    write_table(table, MANIFEST, manifest, metadata=metadata)
    return table


def assemble_corpus(manifests: Sequence[Path], corpus: Path) -> list[Row]:
    """Write the corpus's manifest: the sources' rows, by name, each image once.

    A source's manifest speaks for the source alone; the same image in two sources is a duplicate only here.

    Raises
    ------
    DataError
        If sources are of different builds, or a ``volume_id`` occurs twice.
    """
    tables = [read_manifest(path) for path in manifests]
    builds = {metadata_of(table).get("build_id", "") for table in tables}
    if len(builds) > 1:
        msg = f"{corpus}: the sources are of different builds ({', '.join(sorted(builds))}). Build the corpus again."
        raise DataError(msg)
    rows = [row for table in tables for row in table.to_pylist()]
    twice = [name for name, count in Counter(row["volume_id"] for row in rows).items() if count > 1]
    if twice:
        msg = f"{corpus}: volume_id {twice[0]} occurs twice. Please report this."
        raise DataError(msg)
    table = mark_duplicates(rows)
    require_accounts(table, found=len(rows), name=str(corpus))
    kept = ("build_id", "recipe", "selection")
    metadata = {key: value for key, value in metadata_of(tables[0]).items() if key in kept} if tables else {}
    write_table(table, MANIFEST, corpus, metadata=metadata)
    for other in set(corpus.parent.glob("*.parquet")) - {corpus, *manifests}:
        _remove_stale_manifest(other)
    return table


def _remove_stale_manifest(path: Path) -> None:
    """Remove the manifest of a source that is no part of the corpus any more; what is no manifest is a user's."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return
    if set(MANIFEST.names) <= set(schema.names) and b"expected" in (schema.metadata or {}):
        path.unlink()


def remove_orphans(rows: Sequence[Path], pictures: Path) -> list[Path]:
    """Remove shards that no bucket has any more, and return them: a source file may lower its number of buckets.

    Parameters
    ----------
    rows : sequence of Path
        The rows of the shards of one source that are in use, all in one folder.
    pictures : Path
        The folder of all shards' pictures, those of other sources too.
    """
    used = {path.stem for path in rows}
    folders = {path.parent for path in rows}
    shards = [path for folder in folders for path in folder.iterdir() if _SHARD_NAME.fullmatch(path.name)]
    shards += [path for folder in folders for path in pictures.glob(f"{folder.name}-[0-9]*")]
    orphans = sorted(path for path in shards if path.stem not in used)
    for path in orphans:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return orphans


def split_of(source: str, subject: str, *, seed: int, val_fraction: float) -> str:
    """Put a subject in ``train`` or ``val``: a pure function, the same whatever else is in the corpus."""
    digest = hashlib.sha256(f"{seed}\0{source}\0{subject}".encode()).digest()
    return "val" if int.from_bytes(digest[:8], "big") < val_fraction * 2**64 else "train"


def require_accounts(rows: Sequence[Row], *, found: int, name: str) -> None:
    """Raise unless found = kept + excluded + duplicate, and every row that is not kept has a reason.

    Raises
    ------
    DataError
        With the sums.
    """
    counts = Counter(row["status"] for row in rows)
    if sum(counts[status] for status in Status) != found:
        msg = f"{name}: {found} found, but {dict(counts)}. Please report this."
        raise DataError(msg)
    silent = [row["volume_id"] for row in rows if (row["status"] == Status.KEPT) != (row["reason"] is None)]
    if silent:
        msg = f"{name}: {silent[0]} has a status that its reason does not explain. Please report this."
        raise DataError(msg)


def _read_rows(paths: Iterable[Path]) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """Return the rows of each candidate, and the build that all of them are of."""
    read: dict[str, list[Row]] = defaultdict(list)
    builds: dict[str, dict[str, str]] = {}
    for path in paths:
        table = read_table(path)
        for row in table.to_pylist():
            read[row["candidate"]].append(row)
        metadata = metadata_of(table)
        builds[metadata["build_id"]] = {key: metadata[key] for key in ("build_id", "recipe")}
    if len(builds) > 1:
        msg = f"shards of different builds ({', '.join(sorted(builds))}). Build the corpus again."
        raise DataError(msg)
    return read, next(iter(builds.values()), {})


def _join(found: Row, read: Mapping[str, list[Row]], facts: Mapping[str, Any], selection: str) -> list[Row]:
    """Make a manifest row of an index row; where the file was read, one with each of its reading rows."""
    readings: Sequence[Row | None] = read.get(found["volume_id"]) or [None]
    return [_join_one(found, reading, facts, selection) for reading in readings]


def _join_one(found: Row, reading: Row | None, facts: Mapping[str, Any], selection: str) -> Row:
    row: Row = {field.name: None for field in MANIFEST}
    row |= {name: found[name] for name in row if name in found}
    if reading:
        row |= {field.name: reading[field.name] for field in (*READING, *FACTS)}
        row |= {"volume_id": reading["volume_id"], "channel": reading["part"] or found["channel"]}
        row["flags"] = (reading["flags"] or []) + found["flags"]
    row |= _verdict(found, reading, selection)
    return row | {"licence": facts["licence"]}


def _state(row: Row, tables: Tables) -> Row:
    """Fill the gaps of what the file's own sidecar says by what the download's tables say."""
    fields = {name: row[name] for name in ("subject", "session", "series") if row[name] is not None}
    own = Facts(**{field.name: row[field.name] for field in FACTS})
    return row | asdict(own.or_else(tables.facts_of(row["source_path"], fields)))


def _verdict(found: Row, reading: Row | None, selection: str) -> Row:
    by_name = {name: found[f"{name}_code"] is None for name in ("reference", "clean")}
    by_volume = {name: reading is None or reading[f"{name}_rule"] is not False for name in by_name}
    verdict: Row = {f"{name}_selected": by_name[name] and by_volume[name] for name in by_name}
    if not by_name[selection]:
        reason, detail = found[f"{selection}_code"], found[f"{selection}_detail"]
    elif reading is None:
        reason, detail = Code.E_CHANGED.value, "planned, but no shard read it"
    else:
        reason, detail = reading["reason"], reading["detail"]
    status = Status.KEPT if reason is None else Status.EXCLUDED
    return verdict | {"status": status.value, "reason": reason, "detail": detail}


def _place(row: Row, split: Mapping[str, Any]) -> Row:
    if row["status"] != Status.KEPT:
        return row
    return row | {"split": split_of(row["source"], row["subject"] or row["volume_id"], **split)}
