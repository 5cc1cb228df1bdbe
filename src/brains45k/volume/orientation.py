"""Choose the affine that a header means, and judge it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError, Remark
from brains45k.volume.volume import Affine

MIN_SPACING_MM, MAX_SPACING_MM = 0.2, 12.0
MIN_FIELD_OF_VIEW_MM, MAX_FIELD_OF_VIEW_MM = 80.0, 400.0

_MAX_SHEAR_DEG, _NOTED_SHEAR_DEG = 5.0, 0.5
_NOTED_OBLIQUE_DEG = 30.0
_NOTED_DISAGREEMENT_DEG = 5.0
# Both are float32 in the file: what differs by more than their rounding is a contradiction.
_SPACING_TOLERANCE = 1e-4
_MIN_RELATIVE_DETERMINANT = 1e-6


@dataclass(frozen=True, slots=True)
class Orientation:
    """What a header states: voxel sizes, and up to two affines (4 x 4, or None).

    ``sign_is_convention`` holds for Analyze, where a negative size says how a viewer flips the axis.
    """

    pixdim: npt.NDArray[np.float64]
    sform: Affine | None
    qform: Affine | None
    sign_is_convention: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The affine that is taken, with its spacing in mm along each axis."""

    affine: Affine
    spacing_mm: tuple[float, float, float]
    oriented: bool
    remarks: tuple[Remark, ...]


def choose_orientation(stated: Orientation, *, unit_mm: float) -> Chosen:
    """Take the sform, else the qform, else the voxel sizes alone.

    Parameters
    ----------
    stated : Orientation
        As in the header, in the header's unit.
    unit_mm : float
        Millimetres in one of the header's units.

    Raises
    ------
    RefusalError
        ``E_XFORM``, ``E_SHEAR``, ``E_SPACING`` or ``E_SPACING_RANGE``.
    """
    pixdim = stated.pixdim * unit_mm
    affine, remarks = _choose_affine(stated)
    if affine is None:
        if stated.sign_is_convention and (pixdim < 0).any():
            remarks += (Remark(Code.R_PIXDIM, f"pixdim {pixdim.tolist()}"),)
            pixdim = np.abs(pixdim)
        spacing = _require_spacing(pixdim)
        # Without an orientation the voxels stay as stored; the origin is the first voxel.
        return Chosen(np.diag([*spacing, 1.0]), spacing, oriented=False, remarks=(*remarks, Remark(Code.F_NO_XFORM)))
    from_sform = affine is stated.sform
    affine = np.vstack([affine[:3] * unit_mm, [0, 0, 0, 1]])
    spacing, spacing_remarks = _reconcile_spacing(pixdim, affine, from_sform=from_sform)
    remarks += spacing_remarks + _judge_angles(affine)
    return Chosen(affine, spacing, oriented=True, remarks=remarks)


def require_head_size(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> None:
    """Refuse a single slice, and voxel sizes and fields of view that no head scan has; a thin slab is allowed.

    Raises
    ------
    RefusalError
        ``E_2D`` or ``E_SPACING_RANGE``.
    """
    if min(shape) == 1:
        raise RefusalError(Code.E_2D, f"shape {shape}")
    extents = [length * step for length, step in zip(shape, spacing_mm, strict=False)]
    sizes_fit = min(spacing_mm) >= MIN_SPACING_MM and max(spacing_mm) <= MAX_SPACING_MM
    if sizes_fit and max(extents) >= MIN_FIELD_OF_VIEW_MM and max(extents) <= MAX_FIELD_OF_VIEW_MM:
        return
    spacing_text = " x ".join(f"{step:g}" for step in spacing_mm)
    extent_text = " x ".join(f"{extent:.0f}" for extent in extents)
    raise RefusalError(Code.E_SPACING_RANGE, f"spacing {spacing_text} mm, field of view {extent_text} mm")


def _choose_affine(stated: Orientation) -> tuple[Affine | None, tuple[Remark, ...]]:
    sform_ok = stated.sform is not None and _is_usable(stated.sform)
    qform_ok = stated.qform is not None and _is_usable(stated.qform)
    if stated.sform is not None and sform_ok:
        return stated.sform, _judge_agreement(stated) if qform_ok else ()
    if stated.qform is not None and qform_ok:
        return stated.qform, ((Remark(Code.R_SFORM),) if stated.sform is not None else ())
    if stated.sform is not None:
        raise RefusalError(Code.E_XFORM, "the sform is singular or not finite, and there is no qform")
    return None, ()


def _is_usable(affine: Affine) -> bool:
    """Tell whether three columns span the space, in whatever unit they are."""
    if not np.isfinite(affine).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not _is_spacing(lengths):
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) > _MIN_RELATIVE_DETERMINANT)


def _judge_agreement(stated: Orientation) -> tuple[Remark, ...]:
    assert stated.sform is not None  # noqa: S101 - narrows the type; the caller checked both
    assert stated.qform is not None  # noqa: S101
    first, second = (_directions(affine) for affine in (stated.sform, stated.qform))
    angle_deg = float(np.degrees(np.arccos(np.clip((first * second).sum(axis=0), -1, 1))).max())
    return (Remark(Code.F_XFORM_DISAGREE, f"{angle_deg:.0f} degrees"),) if angle_deg > _NOTED_DISAGREEMENT_DEG else ()


def _directions(affine: Affine) -> npt.NDArray[np.float64]:
    columns = affine[:3, :3]
    return np.asarray(columns / np.linalg.norm(columns, axis=0), dtype=np.float64)


def _is_spacing(values: npt.NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).all() and (values > 0).all())


def _require_spacing(pixdim: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    if not _is_spacing(pixdim):
        raise RefusalError(Code.E_SPACING, f"pixdim {pixdim.tolist()}")
    return float(pixdim[0]), float(pixdim[1]), float(pixdim[2])


def _reconcile_spacing(
    pixdim: npt.NDArray[np.float64], affine: Affine, *, from_sform: bool
) -> tuple[tuple[float, float, float], tuple[Remark, ...]]:
    """Prefer the header's voxel sizes, which are exact, unless they are unusable or the affine contradicts them."""
    norms = np.linalg.norm(affine[:3, :3], axis=0)
    if not _is_spacing(pixdim):
        if not from_sform:
            raise RefusalError(Code.E_SPACING, f"pixdim {pixdim.tolist()}, and no sform to repair it from")
        return _require_spacing(norms), (Remark(Code.R_PIXDIM, f"pixdim {pixdim.tolist()}"),)
    if np.allclose(pixdim, norms, rtol=_SPACING_TOLERANCE):
        return _require_spacing(pixdim), ()
    return _require_spacing(norms), (Remark(Code.F_PIXDIM, f"pixdim {pixdim.tolist()}"),)


def _judge_angles(affine: Affine) -> tuple[Remark, ...]:
    directions = _directions(affine)
    cosines = np.abs(directions.T @ directions - np.eye(3))
    shear_deg = float(np.degrees(np.arcsin(np.clip(cosines.max(), 0, 1))))
    if shear_deg > _MAX_SHEAR_DEG:
        raise RefusalError(Code.E_SHEAR, f"{shear_deg:.1f} degrees")
    oblique_deg = float(np.degrees(np.arccos(np.clip(np.abs(directions).max(axis=0).min(), -1, 1))))
    remarks = []
    if shear_deg > _NOTED_SHEAR_DEG:
        remarks.append(Remark(Code.F_SHEAR, f"{shear_deg:.1f} degrees"))
    if oblique_deg > _NOTED_OBLIQUE_DEG:
        remarks.append(Remark(Code.F_OBLIQUE, f"{oblique_deg:.0f} degrees"))
    return tuple(remarks)
