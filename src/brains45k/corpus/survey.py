"""Look for every enabled source before any work, and bring index and plans up to date.

This runs when the workflow starts, so that a file that was added, changed or removed shows in the plan of its
shard, and Snakemake builds again just what depends on it.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from brains45k.corpus.leave_out import HeldOut, leave_out, nobody, require_volumes
from brains45k.corpus.manifest import read_metadata, read_table
from brains45k.corpus.plan import write_index, write_plans
from brains45k.corpus.settings import Settings, SourceSettings
from brains45k.errors import CallError
from brains45k.fetch.journal import unfinished
from brains45k.sources.candidate import Candidate
from brains45k.sources.scan import Scan, scan_source
from brains45k.sources.walk import DICOM

INDEX_FOLDER = Path("data/index")

_SHOWN_ENTRIES = 4


class State(StrEnum):
    """What a look at a source's root told."""

    FOUND = "found"
    MISSING = "missing"
    WRONG_ROOT = "wrong root"
    NOTHING_SELECTED = "nothing selected"
    TO_BE_WRITTEN = "to be written"


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One enabled source, as it lies on disk.

    Attributes
    ----------
    note : str
        The layouts seen; or how to get the source; or what was found instead.
    """

    name: str
    root: Path
    state: State
    candidates: int
    selected: int
    note: str


def survey(settings: Settings, *, workdir: Path = Path(), held_out: HeldOut = nobody) -> list[Surveyed]:
    """Scan all enabled sources and refresh their index and plans below ``workdir/data``.

    Parameters
    ----------
    settings : Settings
        Which sources, where, and which selection.
    workdir : Path
        Folder of the run.
    held_out : callable
        Tells which subjects of a source stay out of the corpus.

    Raises
    ------
    CallError
        If the demo is asked for where a real corpus lies, or a volume that is to be left out does not exist.
    """
    if settings.demo:
        _spare_real_corpus(workdir)
    for index in (workdir / INDEX_FOLDER).glob("*.parquet"):
        if index.stem not in settings.sources:
            index.unlink()
    entries = settings.sources.values()
    surveyed = [survey_source(entry, settings, workdir=workdir, held_out=held_out) for entry in entries]
    if settings.exclude_volumes:
        _require_volumes(settings.exclude_volumes, surveyed, workdir)
    return surveyed


def survey_source(
    entry: SourceSettings, settings: Settings, *, workdir: Path = Path(), held_out: HeldOut = nobody
) -> Surveyed:
    """Scan one source; where files of it are found, refresh its index and plans."""
    source, root = entry.source, workdir / entry.root
    if settings.demo and not demo_marker(root).is_file():
        return Surveyed(source.name, entry.root, State.TO_BE_WRITTEN, 0, 0, "synthetic, by the rule demo_sources")
    found = scan_source(source, root, selection=settings.selection) if root.is_dir() else Scan([], [])
    subjects = held_out(source, found.candidates)
    candidates = leave_out(found.candidates, subjects=subjects, volumes=settings.exclude_volumes)
    taken = [candidate for candidate in candidates if candidate.verdict(settings.selection).taken]
    index = workdir / index_path(source.name)
    if not taken:
        # Jobs on other machines go by the index: what is not in use must not be taken for it.
        index.unlink(missing_ok=True)
        return _unusable(entry, root, candidates, settings.selection)
    write_index(candidates, found.tables, index, demo=settings.demo)
    folder = workdir / plan_folder(source.name)
    write_plans(source, candidates, root=root, selection=settings.selection, buckets=entry.buckets, folder=folder)
    matched = sorted({candidate.layout.name for candidate in candidates if candidate.layout})
    note = f"layouts: {', '.join(matched)}"
    if unfinished(root):
        note += "; not all is there: 'snakemake --cores 2 fetch' has not finished"
    return Surveyed(source.name, entry.root, State.FOUND, len(candidates), len(taken), note)


def index_path(source: str) -> Path:
    """Where a source's index lies."""
    return INDEX_FOLDER / f"{source}.parquet"


def plan_folder(source: str) -> Path:
    """Where a source's plans lie."""
    return Path("data/plan") / source


def demo_marker(root: Path) -> Path:
    """Return the file that says that a demo source is complete."""
    return root / ".demo-complete"


def unusable(surveyed: Iterable[Surveyed]) -> list[Surveyed]:
    """Return the sources that a corpus cannot be built from."""
    return [source for source in surveyed if source.state not in {State.FOUND, State.TO_BE_WRITTEN}]


def _require_volumes(asked: Iterable[str], surveyed: Iterable[Surveyed], workdir: Path) -> None:
    """Check the names of volumes to be left out, but for those of sources that are not there."""
    there = {source.name for source in surveyed if source.state is State.FOUND}
    absent = tuple(f"{source.name}_" for source in surveyed if source.name not in there)
    tables = [read_table(workdir / index_path(name)).select(["volume_id", "source_format"]) for name in there]
    formats = {row["volume_id"]: row["source_format"] for table in tables for row in table.to_pylist()}
    series = {name for name, extension in formats.items() if extension == DICOM.lstrip(".")}
    require_volumes((name for name in asked if not name.startswith(absent)), formats, series)


def _spare_real_corpus(workdir: Path) -> None:
    for path in sorted((workdir / INDEX_FOLDER).glob("*.parquet")):
        if read_metadata(path).get("demo") == str(False):
            msg = f"{workdir.absolute()} holds a real corpus, and the demo would write over it. Run the demo elsewhere:"
            msg += " snakemake --directory FOLDER."
            raise CallError(msg)


def _unusable(entry: SourceSettings, root: Path, candidates: Sequence[Candidate], selection: str) -> Surveyed:
    """Tell apart a root that is empty, one that holds something else, and one of which nothing is taken."""
    name = entry.source.name
    present = _present(root)
    if not present:
        return Surveyed(name, entry.root, State.MISSING, 0, 0, _how_to_get(entry))
    images = [candidate for candidate in candidates if candidate.layout and candidate.layout.role == "image"]
    if images:
        counts = Counter(candidate.verdict(selection).code for candidate in images)
        code, count = counts.most_common(1)[0]
        note = f"the {selection} selection takes none of {len(images):,} images; {count:,} x {code}: "
        note += code.sentence if code else ""
        return Surveyed(name, entry.root, State.NOTHING_SELECTED, len(candidates), 0, note)
    found = ", ".join(present)
    note = f"no image fits a layout; found {found}; expected such as {_example(entry)}"
    return Surveyed(name, entry.root, State.WRONG_ROOT, len(candidates), 0, note)


def _how_to_get(entry: SourceSettings) -> str:
    access = entry.source.document["access"]
    does = " 'snakemake --cores 2 fetch' downloads it;" if "fetch" in access else ""
    return f"{access['kind'].replace('_', ' ')}:{does} 'brains45k guide {entry.source.name}' has every step"


def _example(entry: SourceSettings) -> str:
    return next(layout.examples[0] for layout in entry.source.layouts if layout.role == "image")


def _present(root: Path) -> list[str]:
    """Name a few things that lie in a root; the repository's own READMEs do not count."""
    if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        return []
    entries = (entry.name + ("/" if entry.is_dir() else "") for entry in sorted(root.iterdir()))
    return list(islice((name for name in entries if not name.startswith((".", "README"))), _SHOWN_ENTRIES))
