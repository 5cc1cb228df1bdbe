"""Take an image that somebody has loaded with nibabel, and judge it like a file."""

import numpy as np
from nibabel.spatialimages import SpatialImage

from brains45k.codes import Code
from brains45k.volume.content import judge_content
from brains45k.volume.header import SPATIAL_AXES, squeeze
from brains45k.volume.image import Image, Intensities
from brains45k.volume.orientation import Orientation, choose_orientation, require_head_size
from brains45k.volume.refusal import RefusalError

_MM_BY_UNIT = {"meter": 1000.0, "micron": 0.001}


def image_from_nibabel(loaded: SpatialImage) -> Image:
    """Turn a nibabel image into ours.

    nibabel has chosen the affine already, so that only its agreement with the voxel sizes is judged.

    Raises
    ------
    RefusalError
        With the code of what is wrong, as for a file.
    """
    if len(loaded.shape) < SPATIAL_AXES:
        raise RefusalError(Code.E_2D, f"shape {loaded.shape}")
    shape = squeeze(loaded.shape)
    if len(shape) != SPATIAL_AXES:
        raise RefusalError(Code.E_4D, f"shape {loaded.shape}")
    voxels = np.asarray(loaded.dataobj).astype(np.float32).reshape(shape)
    pixdim = np.asarray(loaded.header.get_zooms()[:SPATIAL_AXES], dtype=np.float64)
    stated = Orientation(pixdim=pixdim, sform=np.asarray(loaded.affine, dtype=np.float64), qform=None)
    chosen = choose_orientation(stated, unit_mm=_unit_mm(loaded))
    require_head_size(voxels.shape, chosen.spacing_mm)
    intensities, judged = judge_content(Intensities(voxels))
    name = np.dtype(loaded.get_data_dtype()).name
    return Image(intensities, chosen.affine, chosen.spacing_mm, name, chosen.remarks + judged)


def _unit_mm(loaded: SpatialImage) -> float:
    """Return millimetres in the header's unit of length; formats without a unit mean millimetres."""
    units = getattr(loaded.header, "get_xyzt_units", None)
    return _MM_BY_UNIT.get(units()[0], 1.0) if units else 1.0
