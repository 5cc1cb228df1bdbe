"""What dcm2niix prints, as numbers and yes or no. Its text itself goes no further: it holds patients' data.

The wording is that of version 1.0.20260724, of which every line here was seen with the series of the tests, but for
those said to be of its source alone. Another version that words things otherwise is caught by the tests.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from brains45k.dicom.outputs import NAME

# "Convert 16 DICOM as out/image_e2 (32x32x16x1)": so many files went into this image.
_CONVERTED = re.compile(rf"^Convert (\d+) DICOM as .*?({NAME}.*) \(\d+x", re.MULTILINE)
# "2 images have identical time, series, acquisition and instance values. DUPLICATES REMOVED.": also where their
# voxels differ. They lie at one place, or they would not be called so.
_REMOVED = re.compile(r"^(\d+) images have identical time, series", re.MULTILINE)
# "DICOM images may be missing, expected 20 spatial locations per volume, but found 16 slices.": also of a GE series
# with two echoes, whose header counts both, so the number is compared with all of the files.
_EXPECTED = re.compile(r"images may be missing, expected (\d+) spatial locations", re.MULTILINE)
# "Interslice distance varies in this volume (incompatible with NIfTI format).", and in its source: "Slice re-ordering
# resolved inter-slice distance variability."
_UNEVEN = "Interslice distance varies"
_REORDERED = "Slice re-ordering resolved"
# "File not large enough to store image data": a file that was cut. "OpenJPEG failed to read the header", "CharLS failed
# to read header.", "RLE header corrupted", "Unable to decode JPEG.": compressed voxels that are broken. One such file,
# and nothing is converted (exit code 1).
_DAMAGED = (
    "File not large enough to store image data", "OpenJPEG failed", "CharLS failed", "RLE header corrupted",
    "Unable to decode JPEG.",
)  # fmt: skip
# "Missing images? Expected 15 images, but instance number (0020,0013) ranges from 1 to 16": a slice is missing among
# the others. "Slice positions repeated, but number of slices (31) not divisible by number of repeats (2)": one of
# several volumes is not whole. The last three are of its source: slices out of sequence, volumes cut short by the
# scanner, and slices of several sizes.
_INCOMPLETE = (
    "Missing images", "Slice positions repeated, but number of slices", "dimensions vary across slices",
    "Slices skipped: image position", "includes partial volume",
)  # fmt: skip
# "Unsupported transfer syntax '1.2...'", "Unable to decode 16-bit images with Transfer Syntax 1.2..." (exit code 2),
# and in its source: "Unable to decompress DICOM transfer syntax".
_UNREAD = ("Unsupported transfer syntax", "-bit images with Transfer Syntax", "Unable to decompress")
# "Unable to write out/image.nii (disk full?)", and of the sidecar in the same words (exit code 1).
_DISK_FULL = "(disk full?)"


@dataclass(frozen=True, slots=True)
class Report:
    """What dcm2niix said of a series.

    Attributes
    ----------
    files : dict
        How many DICOM files went into each image, by the image's name.
    copies : int
        Files that it ignored because another bears the same numbers.
    expected : int
        The largest number of slices that a header speaks of where fewer were found; 0 where none does.
    uneven : int
        Images between whose slices the distance varies.
    """

    files: dict[str, int]
    copies: int
    expected: int
    uneven: int
    is_damaged: bool
    is_incomplete: bool
    is_unread: bool
    is_disk_full: bool


def read_messages(output: str) -> Report:
    """Read what dcm2niix printed."""
    return Report(
        files={name: int(count) for count, name in _CONVERTED.findall(output)},
        copies=sum(map(int, _REMOVED.findall(output))),
        expected=max(map(int, _EXPECTED.findall(output)), default=0),
        uneven=output.count(_UNEVEN) - output.count(_REORDERED),
        is_damaged=_says(output, _DAMAGED),
        is_incomplete=_says(output, _INCOMPLETE),
        is_unread=_says(output, _UNREAD),
        is_disk_full=_DISK_FULL in output,
    )


def _says(output: str, phrases: Iterable[str]) -> bool:
    return any(phrase in output for phrase in phrases)
