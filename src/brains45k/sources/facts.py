"""Facts of a scan that its voxels do not tell (scanner, sequence, visit), and how a JSON sidecar states them.

Nothing that describes a person is taken, and no value is trusted: a sidecar or a table may hold anything.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from brains45k.sources.layout import extension_of
from brains45k.sources.persons import is_personal, words_of_persons

_SIDECAR_MAX_BYTES = 4 << 20
_TEXT_MAX_LENGTH = 200
_NO_TEXT = frozenset({"", "-", "n/a", "na", "nan", "none", "null", "nil", "unknown", "undefined", "not available"})
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)

# What a scan of a head can have; anything outside is a slip of the pen or a placeholder.
_RANGES = {
    "field_strength_t": (0.01, 25.0),
    "echo_time_ms": (0.01, 1000.0),
    "repetition_time_ms": (0.5, 60_000.0),
    "inversion_time_ms": (10.0, 20_000.0),
    "flip_angle_deg": (0.1, 360.0),
    "slice_thickness_mm": (0.1, 50.0),
}
_GAUSS_PER_TESLA = 10_000.0
# No magnet has 100 T, and none that images heads has less than 100 gauss.
_GAUSS_FROM = 100.0

# A document states its times in seconds (BIDS) or in milliseconds (DICOM), and does not say which. Milliseconds
# show themselves by one value that no number of seconds reaches: an echo comes within a second, a repetition
# within 30 s, an inversion within 10 s.
_SECONDS_BELOW = {"EchoTime": 1.0, "RepetitionTime": 30.0, "InversionTime": 10.0}
_TIMES = ("EchoTime", "echo_time_ms"), ("RepetitionTime", "repetition_time_ms"), ("InversionTime", "inversion_time_ms")
_MODEL_KEYS = ("ManufacturersModelName", "ManufacturerModelName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one scan; None where nothing is.

    Attributes
    ----------
    description : str
        The series' name as the scanner or the archive has it.
    visit : str
        The visit's code where the archive's word for it is known, else the word.
    origin : str
        The same case under other names: ids of other releases, separated by ``"; "``.
    sequence : str
        Acquisition type, scanning sequence and its variants, e.g. ``"3D GR/IR SK/SP/MP"``.
    weighting : str
        As the archive states it, which is not always right.
    """

    description: str | None = None
    visit: str | None = None
    origin: str | None = None
    sequence: str | None = None
    weighting: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    field_strength_t: float | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    slice_thickness_mm: float | None = None

    def or_else(self, other: "Facts") -> "Facts":
        """Fill the gaps by what ``other`` says.

        >>> Facts(visit="BL").or_else(Facts(visit="SC", model="Prisma")).model
        'Prisma'
        """
        if other == _NOTHING:
            return self
        return replace(self, **{name: getattr(other, name) for name in FIELDS if getattr(self, name) is None})


#: The names of all facts, in order.
FIELDS = tuple(field.name for field in fields(Facts))
_NOTHING = Facts()


def facts_of_sidecar(document: Mapping[str, Any]) -> Facts:
    """Take the facts from a JSON sidecar, as BIDS and dcm2niix or as DICOM's keywords name them.

    Parameters
    ----------
    document : mapping
        The sidecar's content. Times may be in seconds or milliseconds, which is told by their size; an echo time
        below 1 ms among milliseconds is dropped, because it could be in seconds. The field may be in tesla or
        gauss. Values that are no finite number in a plausible range are dropped, and so is text that repeats
        what the sidecar says of a person, or holds a date or an id of a subject.
    """
    persons = words_of_persons(document)
    models = (as_text(document.get(key)) for key in _MODEL_KEYS)
    echo_ms, repetition_ms, inversion_ms = _times_ms(document)
    return Facts(
        description=_unless_of(persons, as_text(document.get("SeriesDescription"))),
        sequence=_unless_of(persons, _sequence(document)),
        manufacturer=_unless_of(persons, as_text(document.get("Manufacturer"))),
        model=_unless_of(persons, next(filter(None, models), None)),
        field_strength_t=tesla(document.get("MagneticFieldStrength")),
        echo_time_ms=echo_ms,
        repetition_time_ms=repetition_ms,
        inversion_time_ms=inversion_ms,
        flip_angle_deg=plausible("flip_angle_deg", document.get("FlipAngle")),
        slice_thickness_mm=plausible("slice_thickness_mm", document.get("SliceThickness")),
    )


def read_sidecar(image: Path) -> tuple[Facts, str | None]:
    """Read the JSON sidecar of an image, where there is one.

    It lies beside the image under the same name, or, in a download of XNAT, in a folder ``BIDS`` beside the
    image's folder ``NIFTI``.

    Returns
    -------
    tuple of Facts and str or None
        The facts, and one line, beginning with the sidecar's name, if it could not be read.
    """
    try:
        path = next((path for path in _sidecars(image) if path.is_file()), None)
        if path is None:
            return _NOTHING, None
        with path.open("rb") as file:
            content = file.read(_SIDECAR_MAX_BYTES + 1)
    except OSError as error:
        return _NOTHING, f"{image.name}: its JSON sidecar cannot be read ({error.strerror})."
    if len(content) > _SIDECAR_MAX_BYTES:
        return _NOTHING, f"{path.name}: larger than {_SIDECAR_MAX_BYTES >> 20} MiB, which no sidecar is; not read."
    try:
        document = json.loads(content.decode(json.detect_encoding(content), "replace"))
    except (ValueError, RecursionError) as error:
        cause = str(error).splitlines()[0] if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return _NOTHING, f"{path.name}: not JSON ({cause}); nothing is taken from it."
    if not isinstance(document, dict):
        return _NOTHING, f"{path.name}: holds no JSON object; nothing is taken from it."
    return facts_of_sidecar(document), None


def as_text(value: object) -> str | None:
    r"""Return text on one line, of at most 200 characters and valid as UTF-8; None for what says nothing.

    >>> as_text(" Prisma\n fit "), as_text("N/A"), as_text(3)
    ('Prisma fit', None, None)
    """
    if not isinstance(value, str):
        return None
    valid = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    printable = "".join(character if character.isprintable() else " " for character in valid[: 4 * _TEXT_MAX_LENGTH])
    text = " ".join(printable.split())[:_TEXT_MAX_LENGTH].rstrip()
    return None if text.casefold() in _NO_TEXT else text


def describing(value: object) -> str | None:
    """Return text that describes a scan; None if it holds a date or an id of a subject, which belong to a person.

    >>> describing("MPRAGE GRAPPA2"), describing("T1 2011-05-12"), describing("137_S_1414 T1")
    ('MPRAGE GRAPPA2', None, None)
    """
    text = as_text(value)
    return None if text is None or is_personal(text) else text


def as_number(value: object) -> float | None:
    """Return a finite number, also one written as text or alone in a list; None for anything else.

    >>> as_number("2.98"), as_number([3]), as_number([1, 2]), as_number(True), as_number("1e999")
    (2.98, 3.0, None, None, None)
    """
    if isinstance(value, list):
        return as_number(value[0]) if len(value) == 1 and not isinstance(value[0], list) else None
    if isinstance(value, str):
        value = value.strip()
        number = float(value) if len(value) < _TEXT_MAX_LENGTH and _NUMBER.fullmatch(value) else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def plausible(name: str, value: object) -> float | None:
    """Return a number in the unit of a fact's name, or None if a scan of a head cannot have it.

    >>> plausible("flip_angle_deg", "9.0"), plausible("flip_angle_deg", 0)
    (9.0, None)
    """
    number = as_number(value)
    low, high = _RANGES[name]
    return number if number is not None and low <= number <= high else None


def tesla(value: object) -> float | None:
    """Return a field strength in tesla, which may be given in gauss.

    >>> tesla(1.494), tesla("15000"), tesla(0)
    (1.494, 1.5, None)
    """
    number = as_number(value)
    if number is not None and number >= _GAUSS_FROM:
        number /= _GAUSS_PER_TESLA
    return plausible("field_strength_t", number)


def sequence_of(acquisition_type: object, scanning: object, variant: object = None) -> str | None:
    r"""Spell a sequence in one way, however its parts are separated.

    >>> sequence_of("3D", r"GR\IR", ["SK", "SP"]), sequence_of(None, "GR_IR"), sequence_of("2D", None)
    ('3D GR/IR SK/SP', 'GR/IR', '2D')
    """
    parts = (as_text(acquisition_type), _joined(scanning), _joined(variant))
    return " ".join(part for part in parts if part) or None


def _sequence(document: Mapping[str, Any]) -> str | None:
    acquisition_type, variant = document.get("MRAcquisitionType"), document.get("SequenceVariant")
    scanning = document.get("ScanningSequence")
    if _joined(scanning):
        return sequence_of(acquisition_type, scanning, variant)
    parts = (as_text(acquisition_type), describing(document.get("PulseSequenceDetails")))
    return " ".join(part for part in parts if part) or None


def _joined(value: object) -> str | None:
    if isinstance(value, list):
        value = "/".join(item for item in value if isinstance(item, str))
    text = as_text(value)
    return "/".join(part for part in re.split(r"[^A-Za-z0-9*]+", text) if part) or None if text else None


def _times_ms(document: Mapping[str, Any]) -> tuple[float | None, ...]:
    """Return echo, repetition and inversion time, whose unit is told by the size of all of them."""
    stated = {key: number for key in _SECONDS_BELOW if (number := as_number(document.get(key))) is not None}
    in_ms = any(number >= _SECONDS_BELOW[key] for key, number in stated.items())
    if in_ms and stated.get("EchoTime", 1.0) < 1.0:
        del stated["EchoTime"]
    factor = 1.0 if in_ms else 1000.0
    # To six digits: a time in seconds would else become 2.9800000000000004 ms.
    times = {key: float(f"{number * factor:.6g}") for key, number in stated.items()}
    return tuple(plausible(name, times.get(key)) for key, name in _TIMES)


def _unless_of(persons: frozenset[str], text: str | None) -> str | None:
    return None if text is None or is_personal(text, persons) else text


def _sidecars(image: Path) -> Iterator[Path]:
    """Give the places where a sidecar may lie."""
    extension = extension_of(image.name)
    if extension in {None, ".dcm"}:
        return
    name = f"{image.name[: -len(extension or '')]}.json"
    folder = image.parent
    yield folder / name
    if folder.name.lower() == "nifti":
        yield folder.with_name("BIDS") / name
    elif folder.name == "files" and folder.parent.name.lower() == "nifti":
        yield folder.parent.with_name("BIDS") / folder.name / name
