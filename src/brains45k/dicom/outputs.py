"""What dcm2niix wrote for a series: which files are images of their own, and which are better copies of others.

It names a file by the name that it was given and by tails: ``_e2`` an echo, ``_ph`` a phase image, ``_i00003`` a slice
of a localizer, ``_cH2`` a coil. A copy with even slice distances bears ``_Eq`` as well, one freed of tilt ``_Tilt``;
both have the sidecar of the image that they were made of. Where two names would be the same, the later gets a letter.
"""

import re
from dataclasses import dataclass
from pathlib import Path

#: What every file that dcm2niix writes is called first; no tag of the series has a part in it.
NAME = "image"

_STEM = re.compile(rf"(?P<base>{NAME}.*?)(?P<tilt>_Tilt)?(?P<even>_Eq)?(?:_\d+)?")
# Behind any of these a letter may tell equal names apart.
_PART = re.compile(r"_(?:ph|real|imaginary|fieldmaphz|ROI\d+)[a-z]?$")
# Of a tail only this is kept: where coils differ it names the coil, and that is text of the series.
_KNOWN = re.compile(r"(?:[eit]\d+|ph|real|imaginary|fieldmaphz|ROI\d+)?[a-z]?|phMag|ADC")


@dataclass(frozen=True, slots=True)
class Output:
    """One image that dcm2niix wrote.

    Attributes
    ----------
    base : str
        Its name without its ending and without what tells copies of it apart.
    is_even, is_untilted : bool
        Whether it was resampled to even slice distances, or freed of tilt.
    """

    path: Path
    base: str
    is_even: bool
    is_untilted: bool

    @property
    def tail(self) -> str:
        """What tells it apart from others of the series, as ``e2`` or ``e2_ph``; empty where nothing does."""
        words = self.base.removeprefix(NAME).split("_")
        return "_".join(word for word in words if word and _KNOWN.fullmatch(word))

    @property
    def is_part(self) -> bool:
        """Whether it is a phase, real or imaginary image, or an overlay."""
        return _PART.search(self.base) is not None

    @property
    def sidecar(self) -> Path:
        """The JSON file, which lies beside the image that this is a better copy of."""
        return self.path.with_name(f"{self.base}.json")


def list_outputs(folder: Path) -> list[Output]:
    """Return the images in a folder in a fixed order, each in its most corrected copy alone."""
    found = [_output(path) for path in folder.glob("*.nii")]
    best = {output.base: output for output in sorted(found, key=_corrections)}
    return [best[base] for base in sorted(best, key=_by_number)]


def _corrections(output: Output) -> tuple[bool, bool]:
    return output.is_even, output.is_untilted


def _by_number(base: str) -> list[tuple[int, str]]:
    """Let the tenth echo come behind the second."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", base)]


def _output(path: Path) -> Output:
    matched = _STEM.fullmatch(path.stem)
    if matched is None:
        return Output(path, path.stem, is_even=False, is_untilted=False)
    return Output(path, matched["base"], is_even=bool(matched["even"]), is_untilted=bool(matched["tilt"]))
