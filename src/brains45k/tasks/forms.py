"""The two orientations that a NIfTI header may state, where those of files that belong together disagree."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import nibabel
import numpy as np

from brains45k.tasks.label import MAX_CORNER_VOXELS, corner_distance_voxels
from brains45k.volume.volume import Affine


def share_a_form(first: Path, second: Path) -> bool:
    """Tell whether two NIfTI files of one shape lie on one grid by either's sform or qform.

    ISLES22 codes the two inconsistently: a mask may state as its sform what its image states as its qform. Files of
    another format state one orientation, and share none here.
    """
    headers = [nibabel.load(path).header for path in (first, second)]
    if not all(isinstance(header, nibabel.Nifti1Header) for header in headers):
        return False
    one, other = headers
    shape = one.get_data_shape()[:3]
    if shape != other.get_data_shape()[:3]:
        return False
    pairs = product(_forms(one), _forms(other))
    return any(corner_distance_voxels(*pair, shape) <= MAX_CORNER_VOXELS for pair in pairs)


def _forms(header: nibabel.Nifti1Header) -> Iterator[Affine]:
    """Give the affines that a header states with a code, and that are no dead end."""
    for affine in (header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]):
        if affine is not None and np.isfinite(affine).all() and np.linalg.det(affine[:3, :3]) != 0:
            yield affine
