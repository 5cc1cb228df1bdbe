"""Read all tables of a download, and find what they say of an image."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from brains45k.sources.candidate import is_hidden
from brains45k.sources.facts import Facts
from brains45k.sources.tables.brats import BRATS_MAPPING
from brains45k.sources.tables.delimited import delimited_rows
from brains45k.sources.tables.ida_xml import Description, read_ida_xml
from brains45k.sources.tables.kind import Entry, Kind, Places
from brains45k.sources.tables.loni import LONI, entries_of_xml
from brains45k.sources.tables.oasis import OASIS
from brains45k.sources.tables.register import Register
from brains45k.sources.tables.unreadable import Complaints, UnreadableError
from brains45k.sources.tables.workbook import workbook_rows

_KINDS: Mapping[str, Kind] = {"loni": LONI, "oasis": OASIS, "brats_mapping": BRATS_MAPPING}
_XML_READERS = 8
_CONTRADICTS = "contradicts what was read before it, and neither is taken"


@dataclass(frozen=True)
class Tables:
    """What the tables of a download say.

    Attributes
    ----------
    warnings : tuple of str
        One line for each kind of fault, beginning with the first file that has it.
    stubs : int
        Number of XML files that name an image and say nothing of it.
    """

    warnings: tuple[str, ...] = ()
    stubs: int = 0
    _kinds: tuple[Kind, ...] = ()
    _register: Register = field(default_factory=Register)

    def facts_of(self, path: str, fields: Mapping[str, str]) -> Facts:
        """Return what the tables say of an image.

        Parameters
        ----------
        path : str
            The image's path below the source's root.
        fields : mapping
            What its layout reads from the path: ``subject``, ``scan`` and others.
        """
        facts = Facts()
        for kind in self._kinds:
            facts = facts.or_else(kind.facts_of(self._register.get, path, fields))
        return facts


def read_tables(kinds: Sequence[str], root: Path, files: Sequence[str]) -> Tables:
    """Read the tables that lie with a download.

    Tables are recognised by their columns, whatever their names. What is damaged costs a warning and nothing
    else; what is about something else is passed over.

    Parameters
    ----------
    kinds : sequence of str
        What to look for: ``loni``, ``oasis``, ``brats_mapping``.
    root : Path
        The source's root.
    files : sequence of str
        Paths below it that end in .csv, .tsv, .xml or .xlsx.
    """
    reading = _Reading(tuple(_KINDS[kind] for kind in kinds), root)
    visible = sorted(file for file in files if not is_hidden(file))
    for file in visible:
        if file.lower().endswith((".csv", ".tsv", ".xlsx")) and kinds:
            reading.table(file)
    if "loni" in kinds:
        reading.xml_files([file for file in visible if file.lower().endswith(".xml")])
    return reading.result()


class _Reading:
    """One reading of all tables: what they have said so far, and what was wrong with them."""

    def __init__(self, kinds: tuple[Kind, ...], root: Path) -> None:
        self._kinds = kinds
        self._root = root
        self._register = Register()
        self._complaints = Complaints()
        self._stubs = 0

    def result(self) -> Tables:
        return Tables(self._complaints.lines(), self._stubs, self._kinds, self._register)

    def table(self, file: str) -> None:
        """Read a table of rows, as far as it can be read."""
        try:
            for (kind, places), row in self._rows(file):
                cells = {role: row[place] for role, place in places.items() if place < len(row)}
                entries = kind.entries({role: cells.get(role, "") for role in places})
                if entries is None and any(row):
                    self._complaints.add("has rows without an id by which an image could be found", file)
                self._note(file, entries or [])
        except (UnreadableError, OSError) as error:
            self._complain(file, error)

    def xml_files(self, files: Sequence[str]) -> None:
        """Read XML files, of which there may be one per image; on a slow disk each of them is a wait."""
        with ThreadPoolExecutor(_XML_READERS) as pool:
            for file, described in zip(files, pool.map(partial(_read_xml, self._root), files), strict=True):
                if described is None:
                    self._stubs += 1
                elif isinstance(described, list):
                    for description in described:
                        self._describe(file, description)
                else:
                    self._complain(file, described)

    def _rows(self, file: str) -> Iterator[tuple[tuple[Kind, Places], list[str]]]:
        path = _regular(self._root / file)
        if file.lower().endswith(".xlsx"):
            return workbook_rows(path, self._recognise)
        return delimited_rows(path, self._recognise, partial(self._complain_of_rows, file))

    def _recognise(self, header: Sequence[str]) -> tuple[Kind, Places] | None:
        recognised = ((kind, kind.recognise(header)) for kind in self._kinds)
        return next(((kind, places) for kind, places in recognised if places is not None), None)

    def _describe(self, file: str, description: Description) -> None:
        of_image, of_series = entries_of_xml(description)
        if not of_image:
            self._complaints.add("names no image", file)
        self._note(file, of_image)
        for key, facts in of_series:
            # Images of a series differ in their description by right.
            self._register.add(key, facts)

    def _note(self, file: str, entries: Sequence[Entry]) -> None:
        for key, facts in entries:
            contradicting = self._register.add(key, facts)
            if contradicting:
                self._complaints.add(_CONTRADICTS, file, f"{key}: {', '.join(contradicting)}")

    def _complain_of_rows(self, file: str, sentence: str, detail: str) -> None:
        self._complaints.add(sentence, file, detail, alone=True)

    def _complain(self, file: str, error: UnreadableError | OSError) -> None:
        if isinstance(error, UnreadableError):
            self._complaints.add(error.sentence, file, error.detail)
        else:
            self._complaints.add("cannot be read", file, error.strerror or "")


def _read_xml(root: Path, file: str) -> list[Description] | UnreadableError | OSError | None:
    try:
        return read_ida_xml(_regular(root / file))
    except (UnreadableError, OSError) as error:
        return error


def _regular(path: Path) -> Path:
    """Refuse what is no file: opening a pipe would wait for ever."""
    if not path.is_file():
        raise UnreadableError("is no file, or a link that leads nowhere")
    return path
