"""Convert a DICOM series by dcm2niix, with a code for whatever keeps it from being an image."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brains45k.codes import Code
from brains45k.dicom.outputs import NAME, Output, list_outputs
from brains45k.dicom.program import run_program
from brains45k.dicom.scrub import read_sidecar, scrub_image, scrub_sidecar
from brains45k.dicom.series import require_slice
from brains45k.dicom.verdict import judge_run
from brains45k.errors import CallError
from brains45k.sources.persons import words_of_persons
from brains45k.volume.refusal import Remark

#: Mark of an image that dcm2niix gave no tail, where there are others.
FIRST = "first"

_LISTING = "files.txt"
_IN, _OUT = "in", "out"
# Geometry and voxels are those of a plain run, whatever a user's defaults file says (-g i): nothing is cropped (-x)
# or left out (-i), 16 bits stay as they are (-l), and Philips' precise scaling is taken (-p). With -s y the files are
# read from a listing, in its order; a folder is read in the order of the file system, which differs by machine. The
# sidecar is to name the person (-ba n): only so is it known which words no other text may hold. It stays in the folder.
_OPTIONS = (
    "-g", "i", "-b", "y", "-ba", "n", "-z", "n", "-x", "n", "-i", "n", "-l", "o", "-p", "y", "-f", NAME, "-o", _OUT,
    "-s", "y", _LISTING,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Converted:
    """One image of a series.

    Attributes
    ----------
    mark : str
        What tells it apart from the series' other images, by dcm2niix's own names: ``e1`` is the first echo. Empty
        for an only image.
    nifti : bytes
        An uncompressed single-file NIfTI whose header holds no text.
    sidecar : mapping
        What dcm2niix says of scanner and sequence, without any text that repeats a word of the patient's or holds a
        date: nothing of person, place or day.
    remarks : tuple of Remark
        What was done to the series.
    """

    mark: str
    nifti: bytes
    sidecar: Mapping[str, Any]
    remarks: tuple[Remark, ...] = ()


def convert_series(files: Sequence[Path], *, limit_s: float = 600.0) -> list[Converted]:
    """Convert the files of one DICOM series.

    Nothing is written beside them, and what is written elsewhere is gone at the end. Phase, real and imaginary images
    and overlays are given only where there is no magnitude image.

    Parameters
    ----------
    files : sequence of Path
        All files of the series; their names may be anything.
    limit_s : float
        How long dcm2niix may run, in s.

    Returns
    -------
    list of Converted
        At least one, in a fixed order.

    Raises
    ------
    RefusalError
        ``E_DCM_PARTIAL`` if slices are missing, ``E_DCM_SPACING`` if the distance between them varies, ``E_DCM_NONE``
        if the files hold no image, ``E_DCM_CRASH`` if dcm2niix failed or ran out of time, ``E_CHANGED`` or
        ``E_UNREADABLE`` if a file cannot be read. The detail says nothing of what the files hold.
    CallError
        If dcm2niix is not installed, or the folder for temporary files cannot be used.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="brains45k-dicom-") as folder:
            return _convert(files, Path(folder), limit_s)
    except OSError as error:
        msg = (
            f"the folder for temporary files cannot be used ({error.strerror or error}). Free space there, "
            "or set TMPDIR to another one."
        )
        raise CallError(msg) from error


def _convert(files: Sequence[Path], folder: Path, limit_s: float) -> list[Converted]:
    _stage(files, folder)
    run = run_program(_OPTIONS, folder=folder, limit_s=limit_s)
    outputs = list_outputs(folder / _OUT)
    remarks = judge_run(run, files, outputs, limit_s=limit_s)
    persons = _persons(outputs)
    kept = [output for output in outputs if not output.is_part] or outputs
    if len(kept) < len(outputs):
        remarks += (Remark(Code.F_DCM_PARTS, f"{len(outputs) - len(kept)} of {len(outputs)} images"),)
    if len(kept) == 1:
        return [_read(kept[0], "", remarks, persons)]
    remarks += (Remark(Code.F_DCM_SEVERAL, f"{len(kept)} images"),)
    return [_read(output, mark, remarks, persons) for output, mark in zip(kept, _marks(kept), strict=True)]


def _marks(outputs: Sequence[Output]) -> list[str]:
    """Name images by their tails; those with one tail, such as those of two coils, by a number as well."""
    names = [output.tail or FIRST for output in outputs]
    counts = [names[: index + 1].count(name) for index, name in enumerate(names)]
    return [name if count == 1 else f"{name}_{count}" for name, count in zip(names, counts, strict=True)]


def _stage(files: Sequence[Path], folder: Path) -> None:
    """Lay links with harmless names to the files into ``folder``, and a listing of them."""
    (folder / _OUT).mkdir()
    (folder / _IN).mkdir()
    names = [f"{_IN}/{index:06d}.dcm" for index in range(len(files))]
    for file, name in zip(files, names, strict=True):
        require_slice(file)
        (folder / name).symlink_to(file.absolute())
    (folder / _LISTING).write_text("".join(f"{name}\n" for name in names), encoding="ascii")


def _persons(outputs: Sequence[Output]) -> frozenset[str]:
    """Return the words that name a person in any sidecar of the series: one image may tell of another's."""
    return frozenset(word for output in outputs for word in words_of_persons(read_sidecar(output.sidecar)))


def _read(output: Output, mark: str, remarks: tuple[Remark, ...], persons: frozenset[str]) -> Converted:
    if output.is_untilted:
        remarks += (Remark(Code.R_DCM_TILT),)
    if output.is_even:
        remarks += (Remark(Code.R_DCM_EVEN),)
    sidecar = scrub_sidecar(read_sidecar(output.sidecar), persons)
    return Converted(mark, scrub_image(output.path.read_bytes()), sidecar, remarks)
