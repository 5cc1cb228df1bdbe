"""Under which other names a case of BraTS 2021 is known.

``BraTS21-17_Mapping.csv`` comes with the data of Synapse (``BraTS2023_2017_GLI_Mapping.xlsx`` with the release of
2023) and has the ids of earlier years, ``BraTS2021_MappingToTCIA.xlsx`` with that of TCIA and has the collection
and the id there. Their column names are those of real files; site, study date and the tumour's genetics, which
they have too, are not read.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from brains45k.sources.facts import Facts, as_text
from brains45k.sources.tables.kind import Entry, Kind, Places, places_of

_CASES = ("2023", "2021")
_YEARS = (*_CASES, "2020", "2019", "2018", "2017")
_ROLES = (*_YEARS, "cohort", "tcia")
_SPELLINGS = {year: (f"brats{year}", f"brats{year} id", f"brats{year[2:]}id") for year in _YEARS} | {
    "cohort": ("cohort name*",),
    "cohort id": ("local id",),
    "tcia": ("data collection*",),
    "tcia id": ("patientid on tcia*", "patient id on tcia*"),
}
_NO_ORIGIN = frozenset({"private collection", "new-not-previously-in-tcia"})
_CASE = re.compile(r"brats.+", re.IGNORECASE | re.DOTALL)


def _recognise(header: Sequence[str]) -> Places | None:
    places = places_of(header, _SPELLINGS)
    known = places.keys()
    return places if known & set(_CASES) and len(known & set(_ROLES)) > 1 else None


def _entries(cells: Mapping[str, str]) -> list[Entry] | None:
    # Cases of the other task, which have no volume here, have bare numbers.
    names = {year: name for year in _YEARS if (name := _origin(cells.get(year))) and not name.isdecimal()}
    for role in ("cohort", "tcia"):
        names[role] = " ".join(filter(None, (_origin(cells.get(role)), _origin(cells.get(f"{role} id")))))
    return [
        (_key(names[case], role), Facts(origin=name))
        for case in _CASES
        if case in names and _CASE.fullmatch(names[case])
        for role, name in names.items()
        if name and role != case
    ]


def _facts_of(get: Callable[[str], Facts], _: str, fields: Mapping[str, str]) -> Facts:
    subject = fields.get("subject", "")
    origins = (get(_key(subject, role)).origin for role in _ROLES)
    distinct = {origin.casefold(): origin for origin in origins if origin}
    return Facts(origin="; ".join(distinct.values()) or None)


def _key(case: str, role: str) -> str:
    return f"case {case.casefold()} {role}"


def _origin(cell: str | None) -> str | None:
    text = as_text(cell)
    return None if text is None or text.casefold() in _NO_ORIGIN else text


BRATS_MAPPING = Kind(recognise=_recognise, entries=_entries, facts_of=_facts_of)
