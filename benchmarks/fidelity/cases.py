"""The volumes to compare on: real ones where there are any, and two synthetic heads."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from brains45k.demo.phantom import Grid, Head, render
from brains45k.volume import RefusalError, read_image

Array = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]

_IMAGE_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh", ".img")
_NIFTI_SUFFIXES = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True)
class Case:
    """A volume that both sides can read: the file itself, and the NIfTI file that the peers are given."""

    name: str
    path: Path
    nifti: Path


def find_files(folders: Sequence[Path], work: Path, dcm2niix: str | None) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every image in some folders; of an archive with DICOM, what dcm2niix makes of it."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name.lower().endswith(_IMAGE_SUFFIXES):
                yield path.relative_to(folder).as_posix(), path
            elif path.name.endswith(".tgz") and dcm2niix:
                yield from _convert_dicom(path, work / path.stem, dcm2niix)


def find_dcm2niix(peer_python: Path) -> str | None:
    """Return dcm2niix of the peers' environment, or of this machine."""
    beside = peer_python.absolute().with_name("dcm2niix")
    return str(beside) if beside.exists() else shutil.which("dcm2niix")


def render_heads(work: Path) -> Iterator[tuple[str, Path]]:
    """Write two synthetic anisotropic oblique heads: one in noisy air, one skull-stripped and stored sagittally."""
    axial = Grid(spacing_mm=(0.9, 0.9, 3.0), orientation="LPS", oblique_deg=14)
    sagittal = Grid(spacing_mm=(0.94, 0.94, 1.3), orientation="PSR", oblique_deg=9)
    heads = {
        "synthetic, noisy air": render(Head(seed=45), axial, "FLAIR"),
        "synthetic, skull-stripped": render(Head(seed=46), sagittal, "T1w", skull_stripped=True),
    }
    for name, image in heads.items():
        path = work / f"{name.replace(', ', '_').replace(' ', '_')}.nii.gz"
        nibabel.save(image, path)
        yield name, path


def make_cases(files: Sequence[tuple[str, Path]], work: Path) -> tuple[list[Case], list[str]]:
    """Keep what our reader takes, and lay each out for the peers; say why the rest is left out."""
    cases: list[Case] = []
    left_out: list[str] = []
    for name, path in files:
        try:
            read_image(path)
        except RefusalError as refusal:
            left_out.append(f"{name}: our reader refuses it: {refusal.code.value}")
        else:
            cases.append(Case(name, path, _as_nifti_file(path, work / f"input{len(cases)}")))
    return cases, left_out


def load_canonical(case: Case) -> tuple[Voxels, Array]:
    """Return voxels in RAS order, float32, and their affine; an image that states no orientation counts as RAS."""
    image = nibabel.load(case.nifti)
    stated = image.header["sform_code"] or image.header["qform_code"]
    affine = image.affine if stated else np.diag([*image.header.get_zooms()[:3], 1.0])
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(np.asarray(image.dataobj, np.float32), affine))
    return np.ascontiguousarray(canonical.dataobj), np.asarray(canonical.affine, np.float64)


def _convert_dicom(archive: Path, folder: Path, dcm2niix: str) -> Iterator[tuple[str, Path]]:
    folder.mkdir()
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    command = [dcm2niix, "-z", "y", "-f", archive.stem, "-o", str(folder), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    for path in sorted(folder.glob("*.nii.gz")):
        yield path.name, path


def _as_nifti_file(path: Path, stem: Path) -> Path:
    """Link a NIfTI file, or convert another format with nibabel; Yucca reads nothing else.

    A link, because Yucca takes all that follows the first dot of a whole path for its extension.
    """
    suffix = next((suffix for suffix in _NIFTI_SUFFIXES if path.name.lower().endswith(suffix)), None)
    target = stem.with_suffix(suffix or ".nii")
    if suffix:
        target.symlink_to(path.resolve())
    else:
        nibabel.save(_as_nifti(nibabel.load(path)), target)
    return target


def _as_nifti(image: Any) -> Any:
    """Convert MGH with its affine; Analyze, which states no orientation, with both codes 0 and its voxel sizes."""
    voxels = np.asarray(image.dataobj)
    voxels = voxels.reshape(voxels.shape[:3])
    # Scaled Analyze comes as float64, which only makes the file larger than the original.
    voxels = voxels.astype(np.float32) if voxels.dtype.kind == "f" else voxels
    oriented = isinstance(image, nibabel.MGHImage)
    converted = nibabel.Nifti1Image(voxels, image.affine if oriented else None)
    if oriented:
        converted.set_sform(image.affine, 1)
    converted.header.set_zooms(np.abs(image.header.get_zooms()[:3]))
    return converted
