"""Scan one source: every file below its root, matched, named and judged by both selections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from brains45k.codes import Code
from brains45k.sources.candidate import Candidate, candidates_of, volume_id
from brains45k.sources.catalog import Source
from brains45k.sources.select import select, split_is_complete
from brains45k.sources.walk import TABLES, FoundFile, walk_files

# A root may point this many folders below where a layout begins, such as at wmh's training/Utrecht.
_FOLDERS_ABOVE = 2


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies below a source's root.

    Attributes
    ----------
    candidates : list of Candidate
        Every file whose extension is an image's, taken or not, so that nothing is lost silently.
    tables : list of FoundFile
        What the download brought along about them; empty where the source file expects none.
    """

    candidates: list[Candidate]
    tables: list[FoundFile]


def scan_source(source: Source, root: Path, *, selection: str = "reference") -> Scan:
    """List the candidates of a source below ``root``, with the verdicts of both selections, and its tables.

    No file is opened. Both lists are in the order of the walk. ``selection`` is the one that decides: if it follows a
    published split and not all cases of that are there, the candidates are flagged.
    """
    # On a slow disk this takes minutes; where it is quick no bar is ever seen.
    files = tqdm(walk_files(root), desc=f"looking through {root}", unit="file", delay=2, leave=False, disable=None)
    above = folders_above(root)
    tables: list[FoundFile] = []
    found = (candidate for file in _images(files, tables) for candidate in candidates_of(source, file, above=above))
    candidates = _rename_repeats(found)
    reference = select(candidates, source.selections["reference"])
    clean = select(candidates, source.selections["clean"])
    verdicts = reference if selection == "reference" else clean
    split = source.selections[selection].split
    partial = split is not None and not split_is_complete(candidates, verdicts, split)
    flags = (Code.F_PARTIAL_SPLIT,) if partial else ()
    judged = [
        replace(candidate, reference=by_reference, clean=by_clean, flags=flags)
        for candidate, by_reference, by_clean in zip(candidates, reference, clean, strict=True)
    ]
    return Scan(judged, tables if source.metadata else [])


def folders_above(root: Path) -> str:
    """Return the names of the folders that end in a root, each with its ``/``: a layout may spell them as well."""
    return "".join(f"{part}/" for part in root.resolve().parts[-_FOLDERS_ABOVE:] if part != "/")


def _images(files: Iterable[FoundFile], tables: list[FoundFile]) -> Iterator[FoundFile]:
    """Pass on what may be an image, and put tables aside."""
    for file in files:
        if file.extension in TABLES:
            tables.append(file)
        else:
            yield file


def _rename_repeats(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Name by its whole path whatever would bear a name already given, such as a second copy of a download."""
    taken: set[str] = set()
    result = []
    for found in candidates:
        path = found.file.path
        repeated = found.volume_id in taken
        name = volume_id(found.source, path, found.fields, found.channel, unique=path) if repeated else found.volume_id
        taken.add(name)
        result.append(replace(found, volume_id=name) if repeated else found)
    return result
