"""An image on another grid is brought onto the first's, by what the headers say."""

import numpy as np
import pytest
from skimage.transform import resize
from support import bad_files as bad
from support.volumes import image_of
from tasks.trees import Array

from brains45k.tasks.align import on_grid_of
from brains45k.tasks.prepare import prepare_images
from brains45k.volume.image import Image
from brains45k.volume.preprocess import Preprocessing

FINE_MM, COARSE_MM = 3.0, 6.0


def ball(affine: Array, shape: tuple[int, int, int]) -> Image:
    """Sample one smooth function of the world on a grid."""
    places = affine[:3, :3] @ np.indices(shape).reshape(3, -1) + affine[:3, 3:]
    values = 1000 * np.exp(-(((places - [[3], [-4], [5]]) / 25) ** 2).sum(axis=0))
    return image_of(values.reshape(shape).astype(np.float32), affine)


def centred(spacing_mm: float, size: int) -> Array:
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = -spacing_mm * (size - 1) / 2
    return affine


REFERENCE = ball(centred(FINE_MM, 40), (40, 40, 40))


def test_an_image_on_the_grid_keeps_its_voxels() -> None:
    affine = REFERENCE.affine.copy()
    affine[0, 3] += 0.02
    moved = image_of(REFERENCE.voxels, affine)
    found = on_grid_of(moved, REFERENCE)
    assert found.intensities is moved.intensities
    assert np.array_equal(found.affine, REFERENCE.affine)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "ASR", "SLP"])
@pytest.mark.parametrize("angle_deg", [0, 21])
def test_what_lies_at_a_place_stays_there(codes: str, angle_deg: float) -> None:
    affine = bad.rotated(centred(4.0, 34), angle_deg)
    voxels, stored_affine = bad.oriented(ball(affine, (34, 34, 34)).voxels, affine, codes)
    found = on_grid_of(image_of(voxels, stored_affine), REFERENCE).voxels
    expected = np.clip(REFERENCE.voxels, voxels.min(), voxels.max())
    assert np.abs(found - expected)[expected > 50].max() < 0.1


def test_a_finer_image_is_smoothed_as_scikit_image_does() -> None:
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 40)).astype(np.float32)
    # The one voxel of background, out of the way.
    noise[0, 0, 0] = 0
    found = on_grid_of(image_of(noise, centred(FINE_MM, 40)), ball(centred(COARSE_MM, 20), (20, 20, 20))).voxels
    expected = resize(noise, (20, 20, 20), order=3, mode="reflect", anti_aliasing=True, preserve_range=True)
    assert np.abs(found - expected)[2:, 2:, 2:].max() < 0.01


def test_background_stays_background() -> None:
    voxels = np.full((34, 34, 34), -5, np.float32)
    voxels[8:26, 8:26, 8:26] = np.random.default_rng(0).uniform(100, 900, (18, 18, 18))
    found = on_grid_of(image_of(voxels, centred(4.0, 34)), REFERENCE).voxels
    # Voxels 8 to 26 of 34 reach 36 mm from the middle: 12 of 3 mm, of which there are 20.
    hits = np.argwhere(found != -5)
    assert (hits.min(axis=0).tolist(), hits.max(axis=0).tolist()) == ([8] * 3, [31] * 3)


def test_the_range_is_kept_and_outside_is_background() -> None:
    voxels = np.full((16, 16, 16), 20, np.float32)
    voxels[4:12, 4:12, 4:12] = 900
    small = image_of(voxels, centred(COARSE_MM, 16))
    found = on_grid_of(small, REFERENCE).voxels
    assert (found.min(), found.max()) == (20, 900)
    # 16 voxels of 6 mm reach 48 mm from the middle: 16 of the fine voxels, of which there are 20.
    assert (found[:4] == 20).all()
    assert (found[4:36, 18, 18] > 20).any()


def test_images_of_two_grids_are_prepared_on_the_first() -> None:
    other = ball(centred(4.0, 34), (34, 34, 34))
    # What is background has one value.
    images = [image_of(np.where(one.voxels > 30, one.voxels, 0), one.affine) for one in (REFERENCE, other)]
    found = prepare_images(images, Preprocessing(spacing_mm=FINE_MM))
    assert found.grid.shape == (40, 40, 40)
    both = (found.image > 0.1).all(axis=0)
    assert np.abs(found.image[0] - found.image[1])[both].max() < 0.02
