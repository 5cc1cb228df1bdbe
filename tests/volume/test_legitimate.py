"""Odd but legitimate files: none is refused, and each has the voxels of the plain file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.volume.read import read_image
from brains45k.volume.reorient import reorient

PLAIN = bad.head_voxels()
SMALL = (PLAIN // 8).astype(np.int16)  # fits into one signed byte, with more than 64 levels
QUANTUM = 0.25
DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


@dataclass(frozen=True)
class Variant:
    """A file, and the voxels that it must give once they lie along RAS."""

    name: str
    file_name: str
    content: bytes | tuple[bytes, bytes]
    voxels: NDArray[Any] | None = None
    tolerance: float = 0.0


def turned(codes: str, affine: NDArray[np.float64], voxels: NDArray[Any] = PLAIN, **fields: Any) -> bytes:
    data, matrix = bad.oriented(voxels, affine, codes)
    return bad.nifti(data, affine=matrix, **fields)


def orientations() -> Iterator[Variant]:
    thin, z_scores = PLAIN[:, :, 3:20], ((PLAIN - 200) / 150).astype(np.float32)
    for codes in bad.ORIENTATIONS:
        yield Variant(f"{codes}", "a.nii.gz", bad.gz(turned(codes, bad.diagonal()), 1))
        oblique = bad.rotated(bad.diagonal(), 17)
        yield Variant(f"{codes}-oblique", "a.nii", turned(codes, oblique))
        uneven = bad.diagonal(3.5, 4, 7)
        yield Variant(f"{codes}-anisotropic", "a.nii", turned(codes, uneven, thin), thin)
        yield Variant(f"{codes}-z-scores", "a.nii", turned(codes, bad.diagonal(), z_scores, order=">"), z_scores)


def dtypes() -> Iterator[Variant]:
    for dtype in (*DTYPES, "int8"):
        voxels = (SMALL if dtype in {"int8", "uint8"} else PLAIN).astype(dtype)
        for version in (1, 2):
            for order in "<>":
                yield Variant(
                    f"{dtype}-nifti{version}{order}", "a.nii",
                    bad.nifti(voxels, version=version, order=order), voxels,
                )  # fmt: skip
        yield Variant(
            f"{dtype}-scaled", "a.nii.gz",
            bad.gz(bad.nifti(voxels, scl_slope=QUANTUM, scl_inter=-3)), voxels * QUANTUM - 3, 1e-4,
        )  # fmt: skip


def headers() -> Iterator[Variant]:
    stated: dict[str, dict[str, Any]] = {
        "slope-0": {"scl_slope": 0},
        "slope-nan": {"scl_slope": np.nan, "scl_inter": np.nan},
        "one-frame": {"dim": bad.dim(*bad.SHAPE, 1)},
        "one-frame-and-vector": {"dim": bad.dim(*bad.SHAPE, 1, 1)},
        "micron": {"affine": bad.diagonal(4000), "xyzt_units": 3},
        "metre": {"affine": bad.diagonal(0.004), "xyzt_units": 1},
        "mm-and-millisecond": {"xyzt_units": 2 + 16},
        "no-units": {"xyzt_units": 0},
        "no-pixdim": {"pixdim": bad.pixdim(0)},
        "qform-alone": {"sform_code": 0, **bad.qform()},
        "both-forms": bad.qform(),
        "talairach": {"sform_code": 3},
        "qfac-0": {"sform_code": 0, **bad.qform(pixdim=bad.pixdim(4, qfac=0))},
        "no-forms": {"sform_code": 0},
        "one-extension": {"extension": bad.extension(64)},
        "long-extension": {"extension": bad.extension(1 << 16)},
        "two-extensions": {"extension": bad.extension(16) + bad.extension(4800)},
        "offset-further": {"extension": bytes(16), "vox_offset": 368},
        "description": {"descrip": b"x" * 80, "aux_file": b"y" * 24},
        "intent-time-series": {"intent_code": 2001},
        "slice-order": {"slice_code": 3, "slice_end": 21, "dim_info": 57},
        "calibration": {"cal_max": 100, "cal_min": 5},
        "slightly-sheared": {"affine": bad.sheared(1)},
    }
    for name, fields in stated.items():
        yield Variant(name, "a.nii", bad.nifti(**fields))


def containers() -> Iterator[Variant]:
    plain = bad.nifti()
    for level in range(1, 10):
        yield Variant(f"level-{level}", "a.nii.gz", bad.gz(plain, level))
    for name in ("A.NII", "A.Nii", "a.b c.nii"):
        yield Variant(name, name, plain)
    yield Variant("A.NII.GZ", "A.NII.GZ", bad.gz(plain))
    yield Variant("name-in-gzip", "a.nii.gz", bad.gz(plain, name="T1 w\u00e4.nii"))
    yield Variant("members", "a.nii.gz", bad.members(plain, 6000))
    yield Variant("padded", "a.nii.gz", bad.gz(plain) + bytes(1024))
    for name, make in (("nifti", bad.nifti_pair), ("analyze", bad.analyze_pair)):
        for order in "<>":
            yield Variant(f"{name}-pair-{order}", "a.img", make(order=order))
        yield Variant(f"{name}-pair-upper", "A.IMG", make())
    for dtype in ("int16", "int32", "float32"):
        yield Variant(f"mgh-{dtype}", "a.mgh", bad.mgh(PLAIN.astype(dtype)))
        yield Variant(f"mgz-{dtype}", "a.MGZ", bad.gz(bad.mgh(PLAIN.astype(dtype), tags=bytes(80))))


VARIANTS = [*orientations(), *dtypes(), *headers(), *containers()]


def write(variant: Variant, folder: Path) -> Path:
    path = folder / variant.file_name
    content = variant.content
    if isinstance(content, tuple):
        path.with_suffix(".HDR" if path.suffix.isupper() else ".hdr").write_bytes(content[0])
        content = content[1]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_it_is_read(variant: Variant, tmp_path: Path) -> None:
    volume = reorient(read_image(write(variant, tmp_path)))
    expected = PLAIN if variant.voxels is None else variant.voxels
    assert volume.data.dtype == np.float32
    assert volume.shape == expected.shape
    assert np.abs(volume.data - expected).max() <= variant.tolerance


def test_they_are_many() -> None:
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) >= 200
