"""Tables of LONI's Image and Data Archive (ADNI, PPMI): a collection's list, a search's result, a file per image.

An image is found by its id (``I303066``), which the scan's folder or the end of the file's name has, and never by
a time: folder, table and DICOM header differ there. What an XML file says of a series (``S150055``) serves images
whose own id is in no table.

Column names of the collection's list and terms of the protocol are those of real files; a search lets its user
choose the columns, of which ``Image ID``, ``Subject ID``, ``Visit``, ``Description`` and ``Imaging Protocol`` have
been seen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from brains45k.sources.facts import Facts, describing, plausible, sequence_of, tesla
from brains45k.sources.tables.ida_xml import Description
from brains45k.sources.tables.kind import Entry, Kind, Places, places_of

_COLLECTION = "image data id"
_SPELLINGS = {
    "collection": (_COLLECTION,),
    "image": (_COLLECTION, "image id", "imageid", "image uid", "imageuid"),
    "subject": ("subject", "subject id"),
    "visit": ("visit",),
    "description": ("description", "series description"),
    "protocol": ("imaging protocol",),
}
#: Where a visit is looked for: a collection's list mostly has its code.
_FORMS = ("collection", "search", "xml")
_VISIT_BY_WORD = {
    "screening": "SC", "baseline": "BL", "symptomatic therapy": "ST", "premature withdrawal": "PW",
    "unscheduled visit 01": "U01", "unscheduled visit 02": "U02",
    # Month 6 is missing: readers of these tables take it for V02 or for R01.
    "month 3": "V01", "month 9": "V03", "month 12": "V04", "month 18": "V05", "month 24": "V06", "month 30": "V07",
    "month 36": "V08", "month 42": "V09", "month 48": "V10", "month 54": "V11", "month 60": "V12",
    "month 72": "V13", "month 84": "V14", "month 96": "V15", "month 108": "V16", "month 120": "V17",
    "month 132": "V18", "month 144": "V19", "month 156": "V20",
}  # fmt: skip
# Thousands of rows say the same, and share what is kept of it.
_DISTINCT_ROWS = 4096
_CELL_MAX_LENGTH = 5000
_PPMI_SUBJECT = re.compile(r"\d{3,6}", re.ASCII)
_IMAGE_ID = re.compile(r"I?0*(\d{1,12})(?:\.0+)?", re.ASCII | re.IGNORECASE)
_SCAN_FOLDER = re.compile(r"([SI])0*(\d{1,12})", re.ASCII)
_NAME_TAIL = re.compile(r"(?:_S0*(?P<series>\d{1,12}))?_I0*(?P<image>\d{1,12})", re.ASCII)
_NAME_HEAD = re.compile(r"I0*(?P<image>\d{1,12})_.*", re.ASCII | re.DOTALL)


def _recognise(header: Sequence[str]) -> Places | None:
    places = places_of(header, _SPELLINGS)
    return places if "image" in places and places.keys() & {"visit", "description", "protocol"} else None


def _entries(cells: Mapping[str, str]) -> list[Entry] | None:
    image = _IMAGE_ID.fullmatch(cells["image"].strip())
    if image is None:
        return None
    form = "collection" if "collection" in cells else "search"
    return [
        (f"image {image[1]}", _facts_of_row(_head(cells, "description"), _head(cells, "protocol"))),
        (f"image {image[1]}, {form}", _visited(_head(cells, "visit"), cells.get("subject"))),
    ]


def entries_of_xml(described: Description) -> tuple[list[Entry], list[Entry]]:
    """Return what an XML file says of an image, and what holds for its series unless another image denies it."""
    facts = Facts(description=describing(described.description)).or_else(_facts_of_terms(described.terms))
    visit = _visited(described.visit, described.subject)
    image = _IMAGE_ID.fullmatch((described.image or "").strip())
    series = _IMAGE_ID.fullmatch((described.series or "").strip())
    of_image = [(f"image {image[1]}", facts), (f"image {image[1]}, xml", visit)] if image else []
    return of_image, [(f"series {series[1]}", facts.or_else(visit))] if series else []


def _facts_of(get: Callable[[str], Facts], path: str, fields: Mapping[str, str]) -> Facts:
    ids = _ids_of(path, fields)
    facts = Facts()
    if "image" in ids:
        facts = get(f"image {ids['image']}")
        for form in _FORMS:
            facts = facts.or_else(get(f"image {ids['image']}, {form}"))
    if "series" in ids and facts == Facts():
        facts = get(f"series {ids['series']}")
    return facts


def _ids_of(path: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of image and series: of the name's end, and of the scan's folder, which goes before it."""
    *folders, name = path.split("/")
    stem = name.split(".", 1)[0]
    tail = list(_NAME_TAIL.finditer(stem))
    found = tail[-1] if tail and tail[-1].end() == len(stem) else _NAME_HEAD.fullmatch(stem)
    ids = {role: number for role, number in found.groupdict().items() if number} if found else {}
    for folder in (*folders, fields.get("scan", "")):
        scan = _SCAN_FOLDER.fullmatch(folder)
        if scan:
            ids["image" if scan[1] == "I" else "series"] = scan[2]
    return ids


def _head(cells: Mapping[str, str], role: str) -> str:
    """Return a cell, or as much of it as can be meant: what is remembered of rows must stay small."""
    return cells.get(role, "")[:_CELL_MAX_LENGTH]


def _visited(word: str | None, subject: str | None) -> Facts:
    """Return the code of a visit of PPMI where the word is known; ADNI's words mean other visits."""
    return _facts_of_visit(word, of_ppmi=_PPMI_SUBJECT.fullmatch((subject or "").strip()) is not None)


@lru_cache(maxsize=_DISTINCT_ROWS)
def _facts_of_visit(word: str | None, *, of_ppmi: bool) -> Facts:
    visit = describing(word)
    return Facts(visit=_VISIT_BY_WORD.get(visit.casefold(), visit) if visit and of_ppmi else visit)


@lru_cache(maxsize=_DISTINCT_ROWS)
def _facts_of_row(description: str, protocol: str) -> Facts:
    """Return the facts of a description and a protocol such as ``Field Strength=3.0;TE=2.98``."""
    pairs = (part.partition("=") for part in protocol.split(";"))
    return Facts(description=describing(description)).or_else(_facts_of_terms({key: value for key, _, value in pairs}))


def _facts_of_terms(terms: Mapping[str, str]) -> Facts:
    """Return the facts of a protocol; the archive has times in milliseconds."""
    term = {key.strip().casefold(): value for key, value in terms.items()}
    return Facts(
        sequence=describing(sequence_of(term.get("acquisition type"), term.get("pulse sequence"))),
        weighting=describing(term.get("weighting")),
        manufacturer=describing(term.get("manufacturer")),
        model=describing(term.get("mfg model")),
        field_strength_t=tesla(term.get("field strength")),
        echo_time_ms=plausible("echo_time_ms", term.get("te")),
        repetition_time_ms=plausible("repetition_time_ms", term.get("tr")),
        inversion_time_ms=plausible("inversion_time_ms", term.get("ti")),
        flip_angle_deg=plausible("flip_angle_deg", term.get("flip angle")),
        slice_thickness_mm=plausible("slice_thickness_mm", term.get("slice thickness")),
    )


LONI = Kind(recognise=_recognise, entries=_entries, facts_of=_facts_of)
