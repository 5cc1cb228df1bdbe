"""A synthetic task with few labelled cases: white-matter lesions of heads that three kinds of scanner show.

Every head has lesions of its own number, size, place and contrast. Many are about as bright as grey matter, so that no
threshold finds them: a lesion is told by where it lies and by its shape. The same subject is always written with the
same bytes, and no other source shows the same head.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brains45k.demo.faults import pack
from brains45k.demo.phantom import Grid, Head, Triple, render, tissues_on, to_image

__all__ = ["IMAGES", "SUBJECTS", "images_of", "write_lesions"]

Array = NDArray[np.float32]

#: Names of the subjects in each part.
SUBJECTS = {
    "training": tuple(f"lesion{number:02d}" for number in range(1, 25)),
    "test": tuple(f"lesion{number:02d}" for number in range(25, 37)),
}
#: The phantom's contrast of each image, by the image's name.
IMAGES = {"flair": "FLAIR", "t1": "T1w"}

_GREY_LEVELS = 4.0  # of the stored whole numbers, for one level of the phantom's brightness
_EDGE_MM = 1.5
# What a lesion of contrast 1 adds to the brightness of white matter, which is 100 in FLAIR and 150 in T1.
_CHANGE = {"flair": 60.0, "t1": -50.0}


@dataclass(frozen=True)
class Scanner:
    """How one kind of scanner shows a head.

    Attributes
    ----------
    grid
        Its voxels.
    noise
        Standard deviation of the noise, in levels of the phantom's brightness.
    shading
        Natural logarithm of the coil's gain over 85 mm.
    gamma
        Power of the brightness: above 1, bright tissues stand apart and dark ones draw together.
    """

    grid: Grid
    noise: float
    shading: float
    gamma: float


def _hemisphere(spacing_mm: Triple, orientation: str, oblique_deg: float = 0.0) -> Grid:
    """Cover most of the left cerebral hemisphere: small enough that a processor core predicts a case in seconds."""
    return Grid(
        spacing_mm, orientation, oblique_deg, field_of_view_mm=(80.0, 128.0, 56.0), centre_mm=(-30.0, -4.0, 26.0)
    )


_SCANNERS = (
    Scanner(_hemisphere((2.5, 2.5, 2.5), "LPS"), noise=5, shading=0.15, gamma=1.0),
    Scanner(_hemisphere((2.0, 2.0, 3.5), "LAS", oblique_deg=6), noise=8, shading=0.1, gamma=0.85),
    Scanner(_hemisphere((2.5, 2.5, 2.5), "ASR"), noise=7, shading=0.3, gamma=1.15),
)


def write_lesions(root: Path) -> None:
    """Write all subjects below ``root``, as ``PART/SUBJECT/SUBJECT_IMAGE.nii.gz``; the label's image is ``lesions``."""
    for part, subjects in SUBJECTS.items():
        for subject in subjects:
            folder = root / part / subject
            folder.mkdir(parents=True, exist_ok=True)
            for name, image in images_of(subject).items():
                (folder / f"{subject}_{name}.nii.gz").write_bytes(pack(image.to_bytes()))


def images_of(subject: str) -> dict[str, Any]:
    """Draw a subject's images, skull-stripped, and its lesions (1) as a label map on the same grid.

    Returns
    -------
    dict of str to nibabel.Nifti1Image
        By the names in :data:`IMAGES` (int16), and ``lesions`` (uint8).
    """
    seed = zlib.crc32(f"lesions/{subject}".encode())
    rng = np.random.default_rng(seed)
    head = Head(seed, atrophy=rng.uniform(1.0, 1.6))
    scanner = _SCANNERS[rng.integers(len(_SCANNERS))]
    fractions, brain = tissues_on(head, scanner.grid)
    shares, contrasts = _draw_lesions(rng, scanner.grid, fractions["white"])
    lesions = np.rint(shares.max(axis=0)) > 0
    images = {name: _show(rng, head, scanner, name, shares * contrasts) * brain for name in IMAGES}
    return {
        **{name: to_image(_GREY_LEVELS * signal, scanner.grid, np.int16) for name, signal in images.items()},
        "lesions": to_image(lesions, scanner.grid, np.uint8),
    }


def _draw_lesions(rng: np.random.Generator, grid: Grid, white: Array) -> tuple[Array, Array]:
    """Draw a head's lesions.

    Returns
    -------
    shares
        (lesion, x, y, z): how much of each voxel a lesion fills; none leaves the white matter.
    contrasts
        (lesion, 1, 1, 1): of each lesion, 1 for the strongest.
    """
    points = _positions_mm(grid)
    # Deep in the white matter, where the cortex's folds do not cut a lesion into pieces.
    inside = np.flatnonzero(gaussian_filter(white, 1.5) > 0.75)  # noqa: PLR2004
    count = rng.integers(2, 10)
    shares = [_share(rng, points, points[:, rng.choice(inside)], white) for _ in range(count)]
    return np.stack(shares), rng.uniform(0.4, 1.0, (count, 1, 1, 1)).astype(np.float32)


def _share(rng: np.random.Generator, points: Array, centre_mm: Array, white: Array) -> Array:
    """Give how much of each voxel an ellipsoid with an uneven surface fills."""
    radius_mm = float(np.exp(rng.uniform(np.log(3), np.log(8))))
    radii_mm = (radius_mm * rng.uniform(0.7, 1.4, (3, 1))).astype(np.float32)
    reach = np.sqrt((((points - centre_mm[:, None]) / radii_mm) ** 2).sum(axis=0)).reshape(white.shape)
    uneven = gaussian_filter(rng.standard_normal(white.shape, np.float32), 1.5)
    distance_mm = radius_mm * (reach - 1 + 0.12 * uneven / uneven.std())
    return np.asarray(np.clip(0.5 - distance_mm / _EDGE_MM, 0, 1) * white, np.float32)


def _show(rng: np.random.Generator, head: Head, scanner: Scanner, name: str, lesions: Array) -> Array:
    """Render one image: the head, its lesions, the scanner's brightness, shading and noise."""
    plain = render(head, scanner.grid, IMAGES[name], noise=0, bias=0, dtype=np.float32)
    change = gaussian_filter(lesions.max(axis=0), 0.4, truncate=3)
    signal = np.asarray(plain.dataobj, np.float32) + _CHANGE[name] * change
    signal = 100 * (np.maximum(signal, 0) / 100) ** scanner.gamma * _shading(rng, scanner)
    errors = rng.standard_normal((2, *signal.shape), np.float32) * scanner.noise
    return np.asarray(np.hypot(signal + errors[0], errors[1]), np.float32)  # Rician


def _shading(rng: np.random.Generator, scanner: Scanner) -> Array:
    direction = rng.standard_normal(3).astype(np.float32)
    along = direction / np.linalg.norm(direction) @ (_positions_mm(scanner.grid) / 85)
    return np.asarray(np.exp(scanner.shading * along), np.float32).reshape(scanner.grid.shape)


def _positions_mm(grid: Grid) -> Array:
    """Give the place of each voxel in RAS millimetres, (3, voxels)."""
    voxels = np.indices(grid.shape, np.float32).reshape(3, -1)
    return np.asarray(grid.affine[:3, :3] @ voxels + grid.affine[:3, 3:], np.float32)
