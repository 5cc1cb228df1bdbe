"""The table of OASIS-3 that holds its JSON sidecars, a row for each (``OASIS3_MR_json.csv``).

Its columns ``filename``, ``Manufacturer``, ``ManufacturersModelName``, ``MagneticFieldStrength``,
``RepetitionTime``, ``SliceThickness`` and ``SeriesDescription`` have been seen in public code, and so has that
``filename`` is a sidecar's and has ``sess-`` for ``ses-`` now and then; that the other columns are named like the
sidecar's keys, and that OASIS-4 has such a table, is not confirmed.
"""

from collections.abc import Callable, Mapping, Sequence

from brains45k.sources.facts import Facts, facts_of_sidecar
from brains45k.sources.tables.kind import Entry, Kind, Places, places_of

_KEYS = (
    "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength", "EchoTime", "RepetitionTime",
    "InversionTime", "FlipAngle", "SliceThickness", "SeriesDescription", "MRAcquisitionType", "ScanningSequence",
    "SequenceVariant", "PulseSequenceDetails",
)  # fmt: skip
_SPELLINGS = {"filename": ("filename", "file name")} | {key: (key.casefold(),) for key in _KEYS}


def _recognise(header: Sequence[str]) -> Places | None:
    places = places_of(header, _SPELLINGS)
    return places if "filename" in places and "MagneticFieldStrength" in places else None


def _entries(cells: Mapping[str, str]) -> list[Entry] | None:
    if not cells["filename"].strip():
        return None
    return [(_key(cells["filename"].strip()), facts_of_sidecar(cells))]


def _facts_of(get: Callable[[str], Facts], path: str, _: Mapping[str, str]) -> Facts:
    return get(_key(path))


def _key(path: str) -> str:
    """Return a file's name without its extensions, and with the usual spelling of its session."""
    stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
    return f"file {stem.replace('_sess-', '_ses-').casefold()}"


OASIS = Kind(recognise=_recognise, entries=_entries, facts_of=_facts_of)
