"""Take out of what dcm2niix wrote whatever may name a person, a place or a day."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brains45k.sources.persons import is_personal

# Not even dcm2niix's own -ba y takes institution, station, serial number, study, coil and the time of day out of the
# sidecar; so nothing is kept but what facts of a scan are read from.
_KEPT = frozenset({
    "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength", "SeriesDescription", "MRAcquisitionType",
    "ScanningSequence", "SequenceVariant", "PulseSequenceDetails", "EchoTime", "RepetitionTime", "InversionTime",
    "FlipAngle", "SliceThickness",
})  # fmt: skip

# The fields of a NIfTI-1 header that hold text, from byte to byte: data_type and db_name, descrip (where dcm2niix
# writes the time of day) and aux_file (the image comments), intent_name.
_TEXTS = ((4, 32), (148, 252), (328, 344))
_OFFSET_AT = 108
_HEADER_BYTES = 348


def scrub_image(content: bytes) -> bytes:
    """Return a NIfTI file, as dcm2niix writes it, without its header's texts and extensions; voxels stay in place."""
    if len(content) < _HEADER_BYTES:
        return content
    (offset,) = struct.unpack_from("=f", content, _OFFSET_AT)
    scrubbed = bytearray(content)
    for start, end in (*_TEXTS, (_HEADER_BYTES, min(int(offset), len(content)))):
        scrubbed[start:end] = bytes(max(0, end - start))
    return bytes(scrubbed)


def read_sidecar(path: Path) -> Mapping[str, Any]:
    """Return a sidecar as it was written; nothing where there is none that can be read."""
    try:
        # Not strict: of a name in Japanese dcm2niix leaves control characters as they are.
        document = json.loads(path.read_bytes(), strict=False)
    except (FileNotFoundError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def scrub_sidecar(document: Mapping[str, Any], persons: frozenset[str]) -> Mapping[str, Any]:
    """Return what a sidecar says of scanner and sequence, but for text that points at a person.

    Parameters
    ----------
    document : mapping
        The sidecar.
    persons : frozenset of str
        Words of which no text may hold one, as `words_of_persons` gives them.
    """
    return {key: document[key] for key in sorted(_KEPT & document.keys()) if not _tells(document[key], persons)}


def _tells(value: object, persons: frozenset[str]) -> bool:
    return not isinstance(value, int | float) and is_personal(str(value), persons)
