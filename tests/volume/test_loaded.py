"""Images that somebody has loaded with nibabel are judged like files."""

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume import RefusalError, preprocess
from brains45k.volume.loaded import image_from_nibabel


def _loaded(voxels: np.ndarray, *, step_mm: float = 4.0, zoom: float | None = None) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(voxels, np.diag([step_mm, step_mm, step_mm, 1.0]))
    image.header["pixdim"][1:4] = step_mm if zoom is None else zoom
    return image


def test_spacing_comes_from_the_affine_where_the_header_contradicts_it() -> None:
    image = image_from_nibabel(_loaded(bad.head_voxels().astype(np.float32), zoom=1.0))
    assert image.spacing_mm == (4, 4, 4)
    assert Code.F_PIXDIM in {remark.code for remark in image.remarks}


def test_microns_are_converted() -> None:
    loaded = _loaded(bad.head_voxels().astype(np.float32), step_mm=4000)
    loaded.header.set_xyzt_units("micron")
    image = image_from_nibabel(loaded)
    assert image.spacing_mm == (4, 4, 4)
    assert np.allclose(np.diag(image.affine), [4, 4, 4, 1])


def test_one_frame_is_squeezed() -> None:
    assert image_from_nibabel(_loaded(bad.head_voxels().astype(np.float32)[..., None])).voxels.shape == bad.SHAPE


@pytest.mark.parametrize(
    ("voxels", "code"),
    [
        (np.stack([bad.head_voxels().astype(np.float32)] * 2, axis=-1), Code.E_4D),
        (bad.head_voxels().astype(np.float32)[:, :, 11], Code.E_2D),
        (bad.head_voxels().astype(np.float32)[:, :, 11:12], Code.E_2D),
        (np.full(bad.SHAPE, np.nan, np.float32), Code.E_NAN),
        (np.full(bad.SHAPE, 7.5, np.float32), Code.E_CONST),
    ],
)
def test_what_is_refused_in_a_file_is_refused_here(voxels: np.ndarray, code: Code) -> None:
    with pytest.raises(RefusalError) as caught:
        preprocess(_loaded(voxels))
    assert caught.value.code is code


def test_the_callers_voxels_stay_as_they_are() -> None:
    voxels = bad.head_voxels().astype(np.float32)
    voxels[0, 0, 0] = np.nan
    image_from_nibabel(_loaded(voxels))
    assert np.isnan(voxels[0, 0, 0])
