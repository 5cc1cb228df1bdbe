"""Thumbnails of a volume for the reports: its middle planes, taken while it is in memory, and a small JPEG of them.

Preprocessing uses a volume up, so what it was like is taken first:

    before = planes_of(volume)
    volume = preprocess_oriented(volume, parameters)
    picture = encode(before, planes_of(volume))

Planes are turned as ``brains45k show`` turns them: the subject's left is on the left (neurological), anterior is right
in the sagittal plane and up in the axial one, superior is up in the others.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from brains45k.corpus.planes import middle_planes, upright
from brains45k.volume.volume import Volume, Voxels

#: Pixels of a tile's side.
TILE: Final = 96
#: For a reader who does not see the picture.
ALT_TEXT: Final = (
    "Axial, coronal and sagittal plane through the middle. The subject's left is on the left; in the sagittal plane "
    "anterior is on the right."
)

Window = tuple[float, float]

_STORED_WINDOW = (0.0, 1.0)
_WINDOW_SHARES = (0.005, 0.995)
# So that the width of a window is a float32 as well.
_LARGEST = 1e38
# Of voxels to a pixel, along each axis: in the axial plane each voxel is fetched from memory by itself.
_LEAST_SAMPLES = 1.25
_QUALITY = 75


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Some voxels of a plane, and the size at which it is drawn.

    Attributes
    ----------
    values : numpy.ndarray
        The first axis runs right and the second up, float32, in memory of its own.
    width, height : int
        In pixels, at most :data:`TILE`.
    """

    values: Voxels
    width: int
    height: int


#: Axial, coronal, sagittal.
Planes = tuple[Plane, Plane, Plane]


def planes_of(volume: Volume) -> Planes:
    """Take the planes through the middle of what a volume holds: margins that were trimmed are not in it.

    All three have one scale, by which the longest axis fills its tile.

    Parameters
    ----------
    volume : Volume
        In RAS, of any spacing; nothing of it is held.

    Returns
    -------
    tuple of Plane
        Axial, coronal, sagittal; less than a megabyte.
    """
    sagittal, coronal, axial = middle_planes(volume)
    longest_mm = max(size * step for size, step in zip(volume.shape, volume.spacing_mm, strict=True))
    pixels_per_mm = TILE / longest_mm
    return _plane(*axial, pixels_per_mm), _plane(*coronal, pixels_per_mm), _plane(*sagittal, pixels_per_mm)


def encode(before: Planes, after: Planes | None = None) -> bytes:
    """Draw planes as a grey JPEG: a row of three tiles, or two rows, before above and after below.

    Parameters
    ----------
    before : tuple of Plane
        Of a volume as it was read; drawn from the 0.5th to the 99.5th percentile of its three planes.
    after : tuple of Plane, optional
        Of the preprocessed volume, drawn from 0 to 1; a volume that was read but is not kept has none.

    Returns
    -------
    bytes
        A picture 3 * TILE pixels wide, TILE or 2 * TILE high. What is outside a plane, or not a number, is black.
    """
    rows = [before] if after is None else [before, after]
    # Not a number: no intensity, and black in the end.
    tiles = np.full((len(rows), 3, TILE, TILE), np.nan, np.float32)
    for row, planes in zip(tiles, rows, strict=True):
        for tile, plane in zip(row, planes, strict=True):
            left, top = (TILE - plane.width) // 2, (TILE - plane.height) // 2
            tile[top : top + plane.height, left : left + plane.width] = _drawn(plane)
    grey = _grey(tiles, [_window_of(tiles[0]), _STORED_WINDOW][: len(rows)])
    buffer = io.BytesIO()
    sheet = grey.swapaxes(1, 2).reshape(len(rows) * TILE, 3 * TILE)
    Image.fromarray(sheet).save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _plane(values: Voxels, spacing_mm: tuple[float, float], pixels_per_mm: float) -> Plane:
    """Copy some voxels of a plane, enough of them for its size."""
    extents = (count * step * pixels_per_mm for count, step in zip(values.shape, spacing_mm, strict=True))
    width, height = (max(1, round(extent)) for extent in extents)
    across, up = (
        max(1, int(count / (_LEAST_SAMPLES * pixels)))
        for count, pixels in zip(values.shape, (width, height), strict=True)
    )
    return Plane(np.array(values[::across, ::up], order="C"), width, height)


def _drawn(plane: Plane) -> Voxels:
    """Return the pixels of a plane, rows running down."""
    picture = Image.fromarray(plane.values).resize((plane.height, plane.width), Image.Resampling.BILINEAR)
    return upright(np.asarray(picture))


def _window_of(tiles: Voxels) -> Window:
    """Return the percentiles of some pixels; the smallest and the largest of all where nearly all are alike."""
    low, high = _at_shares(tiles[:, ::2, ::2], _WINDOW_SHARES)
    return (low, high) if low < high else _at_shares(tiles, (0.0, 1.0))


def _at_shares(tiles: Voxels, shares: tuple[float, float]) -> Window:
    values = tiles[np.isfinite(tiles)]
    if not values.size:
        return _STORED_WINDOW
    places = [round(share * (values.size - 1)) for share in shares]
    low, high = np.partition(values, places)[places].clip(-_LARGEST, _LARGEST).tolist()
    return low, high


def _grey(rows: Voxels, windows: list[Window]) -> npt.NDArray[np.uint8]:
    """Scale the window of each row of tiles, in place, to black and white."""
    low, high = np.array(windows, np.float32).T[:, :, None, None, None]
    # What overflows is infinite, and white or black as it should be.
    with np.errstate(over="ignore", invalid="ignore"):
        rows -= low
        rows *= 255 / np.where(high > low, high - low, 1)
    # Unlike clip, fmax makes black of what is not a number.
    np.fmax(rows, 0, out=rows)
    np.fmin(rows, 255, out=rows)
    return np.rint(rows, out=rows).astype(np.uint8)
