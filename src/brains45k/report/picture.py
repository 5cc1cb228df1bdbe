"""A picture of one volume: its three middle planes, as a radiologist would not hold them but RAS shows them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from brains45k.corpus.planes import middle_planes, upright
from brains45k.errors import CallError
from brains45k.volume.volume import Volume, Voxels

_GAP_PIXELS = 6
_TITLE_PIXELS = 18
_INK = 235


def require_picture(path: Path) -> None:
    """Refuse a picture that could not be written, before any work.

    Raises
    ------
    CallError
        If the name does not end in .png, or its folder does not exist.
    """
    if path.suffix.lower() != ".png":
        msg = f"{path}: the name must end in .png."
        raise CallError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"{path}: the folder {path.parent} does not exist. Make it first."
        raise CallError(msg)


def draw_volume(volume: Volume, path: Path, *, title: str) -> None:
    """Write the sagittal, coronal and axial plane through the middle of a volume as PNG.

    Anterior is right in the sagittal plane; in the others the subject's right is right, as the arrays have it.
    Voxels are drawn in their true proportions.
    """
    planes = three_planes(volume)
    width = sum(plane.width for plane in planes) + _GAP_PIXELS * (len(planes) - 1)
    height = max(plane.height for plane in planes)
    canvas = Image.new("L", (width, height + _TITLE_PIXELS))
    left = 0
    for plane in planes:
        canvas.paste(plane, (left, _TITLE_PIXELS + (height - plane.height) // 2))
        left += plane.width + _GAP_PIXELS
    ImageDraw.Draw(canvas).text((2, 2), title, fill=_INK)
    canvas.save(path)


def three_planes(volume: Volume) -> list[Image.Image]:
    """Return the middle planes across x, y and z, one pixel per millimetre, up is superior or anterior."""
    return [_plane(values, spacing_mm) for values, spacing_mm in middle_planes(volume)]


def _plane(values: Voxels, spacing_mm: tuple[float, float]) -> Image.Image:
    grey = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(upright(grey)))
    size = (round(values.shape[0] * spacing_mm[0]), round(values.shape[1] * spacing_mm[1]))
    return picture.resize((max(1, size[0]), max(1, size[1])), Image.Resampling.BILINEAR)
