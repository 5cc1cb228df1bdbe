"""The peers' side: Yucca's preprocessing, and the resampling of Yucca, nnU-Net, SimpleITK and TorchIO.

Runs in the peers' environment and answers bench.py. Arrays come and go as .npy files, x, y, z; affines, voxel to
RAS millimetres, as nested lists.
"""

import logging
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the name that all its users know
import torchio
from common import serve
from nnunetv2.preprocessing.resampling.default_resampling import (
    compute_new_shape,
    resample_data_or_seg_to_shape,
)
from yucca.functional.utils.loading import read_file_to_nifti_or_np
from yucca_peer import preprocess_image

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]
Grid = tuple[list[int], Affine]
Resampled = tuple[Array, Affine]

_PACKAGES = ("yucca", "nnunetv2", "simpleitk", "torchio", "scikit-image", "scipy", "numpy", "nibabel", "torch")
_SPACING_MM = (1.0, 1.0, 1.0)
_FLIP_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def preprocess(source: str, target: str) -> dict[str, str]:
    """Preprocess a NIfTI file as Yucca does, and save the voxels; return the error that stops Yucca, if one does."""
    try:
        voxels = preprocess_image(read_file_to_nifti_or_np(source))
    # Whatever stops Yucca is a line of the report, not the end of the run.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    # Yucca writes its .npy file in float32.
    np.save(target, voxels.astype(np.float32))
    return {}


def resample(
    tool: str, source: str, affine: list[list[float]], target: str, grid: tuple[list[int], list[list[float]]] | None
) -> list[list[float]]:
    """Resample an array to 1 mm with one of :data:`TOOLS`, save it, and return its affine.

    Parameters
    ----------
    grid : tuple, optional
        Shape and affine to resample to, for the tools that take a grid; their own grid where absent.
    """
    image = nibabel.Nifti1Image(np.load(source), np.array(affine))
    known = {"grid": (grid[0], np.array(grid[1]))} if grid else {}
    data, new_affine = TOOLS[tool](image, **known)
    np.save(target, data)
    return new_affine.tolist()


def _resample_yucca(image: Any) -> Resampled:
    """Preprocess with Yucca, without its crop and normalisation."""
    canonical = nibabel.as_closest_canonical(image)
    data = preprocess_image(image, normalise="no_norm", crop=False)
    return data, _edge_aligned(canonical.affine, canonical.shape, data.shape)


def _resample_nnunet(image: Any, *, force_separate_z: bool | None) -> Resampled:
    """Call nnU-Net's default resampling with the arguments of its default plan; None decides by the anisotropy."""
    canonical = nibabel.as_closest_canonical(image)
    spacing = np.linalg.norm(canonical.affine[:3, :3], axis=0)
    data = np.asarray(canonical.dataobj)[None]
    shape = compute_new_shape(data.shape[1:], spacing, _SPACING_MM)
    resampled = resample_data_or_seg_to_shape(
        data, shape, spacing, _SPACING_MM, is_seg=False, order=3, order_z=0, force_separate_z=force_separate_z
    )[0]
    return resampled, _edge_aligned(canonical.affine, canonical.shape, resampled.shape)


def _resample_simpleitk(image: Any, *, grid: Grid | None = None) -> Resampled:
    """Resample with a B-spline; on its own, exactly 1 mm from the first voxel's centre, as its users write it."""
    canonical = nibabel.as_closest_canonical(image)
    moving = sitk.GetImageFromArray(np.asarray(canonical.dataobj, np.float32).T)
    origin, spacing, direction = _geometry(canonical.affine)
    moving.SetOrigin(origin.tolist())
    moving.SetSpacing(spacing.tolist())
    moving.SetDirection(direction.ravel().tolist())
    shape, affine = grid or _from_first_voxel(canonical.affine, canonical.shape)
    origin, spacing, direction = _geometry(affine)
    resampled = sitk.Resample(
        moving,
        [int(size) for size in shape],
        sitk.Transform(),
        sitk.sitkBSpline,
        origin.tolist(),
        spacing.tolist(),
        direction.ravel().tolist(),
    )
    return sitk.GetArrayFromImage(resampled).T, affine


def _resample_torchio(image: Any, *, antialias: bool, grid: Grid | None = None) -> Resampled:
    """Apply ToCanonical and Resample, with its B-spline."""
    target = 1 if grid is None else (tuple(grid[0]), grid[1])
    steps = torchio.Compose(
        [torchio.ToCanonical(), torchio.Resample(target, image_interpolation="bspline", antialias=antialias)]
    )
    scalar = torchio.ScalarImage(tensor=np.asarray(image.dataobj, np.float32)[None], affine=image.affine)
    resampled = steps(scalar)
    return resampled.numpy()[0], np.asarray(resampled.affine, np.float64)


#: Each takes a nibabel image and returns voxels in RAS order with their affine.
TOOLS: dict[str, Callable[..., Resampled]] = {
    "Yucca": _resample_yucca,
    "nnU-Net": partial(_resample_nnunet, force_separate_z=None),
    "nnU-Net, not separate": partial(_resample_nnunet, force_separate_z=False),
    "SimpleITK": _resample_simpleitk,
    "TorchIO": partial(_resample_torchio, antialias=False),
    "TorchIO, antialias": partial(_resample_torchio, antialias=True),
}


def _edge_aligned(affine: Affine, shape: tuple[int, ...], new_shape: tuple[int, ...]) -> Affine:
    """Return the affine of a grid over the same field of view; Yucca and nnU-Net keep none."""
    factor = np.array(shape) / np.array(new_shape)
    step = np.diag([*factor, 1.0])
    step[:3, 3] = (factor - 1) / 2
    return np.asarray(affine @ step)


def _from_first_voxel(affine: Affine, shape: tuple[int, ...]) -> tuple[list[int], Affine]:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    new_shape = np.round(spacing * shape / _SPACING_MM).astype(int)
    return new_shape.tolist(), np.asarray(affine @ np.diag([*(_SPACING_MM / spacing), 1.0]))


def _geometry(affine: Affine) -> tuple[Affine, Affine, Affine]:
    """Return origin, spacing and direction as SimpleITK has them, in LPS."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return _FLIP_TO_LPS @ affine[:3, 3], spacing, _FLIP_TO_LPS @ affine[:3, :3] / spacing


def versions() -> dict[str, str]:
    """Return the versions of the peers and of what they call."""
    return {package: version(package) for package in _PACKAGES}


if __name__ == "__main__":
    # Yucca warns of each volume whose first voxel is not its smallest; that is the volume's nature.
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    serve({"preprocess": preprocess, "resample": resample, "versions": versions})
