"""Write a shard: read, judge and preprocess its volumes, and store them as one Zarr group.

A shard has one writer, is built beside its place and moved in whole. A bad file costs its row, never the run.
"""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO, TypeVar

from brains45k.codes import Code
from brains45k.corpus.album import Album
from brains45k.corpus.build import Recipe
from brains45k.corpus.content import Content, read_contents
from brains45k.corpus.manifest import ROWS, require_digest, write_table
from brains45k.corpus.memory import keep_freed_memory
from brains45k.corpus.plan import read_plan
from brains45k.corpus.record import Reading, digest_of_voxels, excluded_row, kept_row, read_so_far
from brains45k.corpus.store import create_group, write_volume
from brains45k.errors import BrainsError
from brains45k.sources.catalog import VolumeRule
from brains45k.sources.facts import Facts
from brains45k.sources.series import Kind
from brains45k.sources.walk import measure
from brains45k.volume.content import Named
from brains45k.volume.preprocess import Preprocessing, preprocess_oriented
from brains45k.volume.read import Opened, image_of
from brains45k.volume.refusal import RefusalError, unforeseen
from brains45k.volume.reorient import reorient

# A diffusion image is one as good as a structural one; what else a name says is no assurance.
_NAMED = {Kind.IMAGE: Named.IMAGE, Kind.DIFFUSION: Named.IMAGE, Kind.DERIVED: Named.DERIVED}


_NO_FACTS = Facts()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Task:
    """One volume of a plan."""

    volume_id: str
    path: str
    bytes: int
    mtime_ns: int
    frame: int | None
    readable: bool
    kind: str
    without: list[str]
    stamp: str | None
    extent: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Image:
    """One image of a candidate, opened or refused, with what a sidecar says of it."""

    opened: Opened | RefusalError
    facts: Facts = _NO_FACTS
    part: str | None = None


@dataclass(frozen=True, slots=True)
class _Terms:
    """What all volumes of a shard share: how they are judged and made, and where they and their pictures go."""

    rules: dict[str, VolumeRule]
    selection: str
    preprocessing: Preprocessing
    partial: Path
    album: Album


def write_shard(
    *,
    plan_path: Path,
    plan_digest: str,
    root: Path,
    shard: Path,
    rows: Path,
    pictures: Path,
    recipe: Recipe,
    log: TextIO,
) -> None:
    """Write one shard, its rows, and a picture of each volume.

    Parameters
    ----------
    plan_path : Path
        From :func:`brains45k.corpus.plan.write_plans`.
    plan_digest : str
        What the workflow decided on: another run that started meanwhile may have planned anew.
    root : Path
        The source's folder.
    shard, rows : Path
        Where the Zarr group and the Parquet table of its rows go; both appear at the end, in one move each.
    pictures : Path
        The folder of small JPEGs, named by volume_id: of kept volumes, and of others that could be read.
    recipe : Recipe
        Preprocessing parameters, and the build that they make.
    log : file
        Gets one line per volume, at once.

    Raises
    ------
    DataError
        If the plan is not the one that was decided on.
    """
    require_digest(plan_path, plan_digest)
    keep_freed_memory()
    plan = read_plan(plan_path)
    partial = shard.with_name(f".{shard.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    create_group(partial, source=plan["source"], shard=plan["shard"], build_id=recipe.build_id)
    rules = {name: VolumeRule(**rule) for name, rule in plan["rules"].items()}
    terms = _Terms(rules, plan["selection"], recipe.preprocessing, partial, Album(pictures))
    table = [
        row | {"shard": str(shard), "array": row["volume_id"]} if row["reason"] is None else row
        for row in _write_volumes([Task(**entry) for entry in plan["volumes"]], root, terms, log)
    ]
    terms.album.close()
    shutil.rmtree(shard, ignore_errors=True)
    partial.rename(shard)
    write_table(table, ROWS, rows, metadata={"build_id": recipe.build_id, "recipe": recipe.describe()})


def _write_volumes(tasks: list[Task], root: Path, terms: _Terms, log: TextIO) -> Iterator[dict[str, Any]]:
    files = [list(members) for _, members in groupby(tasks, key=lambda task: task.path)]
    with ThreadPoolExecutor(1) as reader:
        contents = _read_ahead(reader, files, root)
        for members in files:
            start = time.perf_counter()
            for image in _images(next(contents)):
                for task in members:
                    row = _write_one(task, image, terms, is_last=task is members[-1])
                    _log_line(log, row, task, time.perf_counter() - start)
                    start = time.perf_counter()
                    yield row
                # Before the next file is inflated.
                del image


def _read_ahead(reader: ThreadPoolExecutor, files: list[list[Task]], root: Path) -> Iterator[Future[list[Content]]]:
    """Give the content of each file in turn; while one is worked on, the next is read."""
    waiting: deque[Future[list[Content]]] = deque()
    for members in files:
        waiting.append(reader.submit(_read_planned, root / members[0].path, members[0]))
        if len(waiting) > 1:
            yield waiting.popleft()
    yield from waiting


def _read_planned(path: Path, task: Task) -> list[Content]:
    _require_unchanged(path, task)
    return read_contents(path)


def _images(contents: Future[list[Content]]) -> Iterator[_Image]:
    """Open a file once for all of its channels; what is wrong with it is each channel's row."""
    read = _attempt(contents.result)
    # What a future has given it holds.
    del contents
    if isinstance(read, RefusalError):
        yield _Image(read)
        return
    while read:
        yield _open(read.pop(0))


def _open(content: Content) -> _Image:
    return _Image(_attempt(content.open), content.facts, content.part)


def _attempt(step: Callable[[], _T]) -> _T | RefusalError:
    """Take a step of reading; whatever a file does to it is the file's refusal."""
    try:
        return step()
    except RefusalError as refusal:
        # A traceback would keep the file's content alive.
        return refusal.with_traceback(None)
    except BrainsError:
        # The machine's fault, as a full disk is, and no file's.
        raise
    except Exception as error:
        return unforeseen(error)


def _require_unchanged(path: Path, task: Task) -> None:
    """Refuse a file that is not the one that was planned; the next run plans anew."""
    try:
        found = measure(path)
    except FileNotFoundError as error:
        if Path(error.filename or path).is_symlink():
            raise RefusalError(Code.E_UNREADABLE, "the link leads nowhere") from error
        raise RefusalError(Code.E_CHANGED, "the file vanished") from error
    except OSError as error:
        raise RefusalError(Code.E_UNREADABLE, error.strerror or str(error)) from error
    if found.bytes != task.bytes:
        raise RefusalError(Code.E_CHANGED, f"{found.bytes:,} bytes, planned {task.bytes:,}")
    if (found.mtime_ns, found.stamp) != (task.mtime_ns, task.stamp):
        raise RefusalError(Code.E_CHANGED, "it was modified after the plan was made")


def _write_one(task: Task, image: _Image, terms: _Terms, *, is_last: bool) -> dict[str, Any]:
    """Write one volume, and return its row, with what is known of it beside its voxels."""
    name = f"{task.volume_id}_{image.part}" if image.part else task.volume_id
    opened = RefusalError(Code.S_NAMED) if name in task.without else image.opened
    row = _write_volume(name, task, opened, terms, is_last=is_last)
    return row | {"candidate": task.volume_id, "part": image.part} | asdict(image.facts)


def _write_volume(
    name: str, task: Task, opened: Opened | RefusalError, terms: _Terms, *, is_last: bool
) -> dict[str, Any]:
    if isinstance(opened, RefusalError):
        return excluded_row(name, opened, None)
    reading = read_so_far(opened, None, terms.rules)
    try:
        image = image_of(opened, frame=task.frame, named=_NAMED.get(Kind(task.kind), Named.UNKNOWN))
        reading = read_so_far(opened, image, terms.rules)
        volume = reorient(image)
        terms.album.take(name, volume)
        _require_rule(reading, terms.selection)
        if is_last:
            # The float32 copy is all that is needed from here on.
            del image
            opened.release()
        voxel_sha256 = digest_of_voxels(volume)
        volume = preprocess_oriented(volume, terms.preprocessing)
        stored_bytes = write_volume(terms.partial, name, volume)
        terms.album.take_stored(name, volume)
    except RefusalError as refusal:
        return excluded_row(name, refusal, reading)
    except OSError:
        # The file was read before: this is the disk that is written to, and no volume's fault.
        raise
    except Exception as error:
        return excluded_row(name, unforeseen(error), reading)
    return kept_row(name, reading, volume, voxel_sha256, stored_bytes)


def _require_rule(reading: Reading, selection: str) -> None:
    refusal = reading.rule_verdicts[selection]
    if refusal is not None:
        # A new one: raising that of the reading would tie it to this frame, and the voxels to both.
        raise RefusalError(refusal.code, refusal.detail)


def _log_line(log: TextIO, row: dict[str, Any], task: Task, seconds: float) -> None:
    verdict = row["reason"] or "kept"
    fields = (verdict, f"{seconds:.2f} s", task.volume_id, task.path, row["detail"] or "")
    # One line a volume, whatever a file name or a message holds: progress counts lines.
    log.write("\t".join(" ".join(field.split()) for field in fields) + "\n")
    log.flush()
