"""Pictures of reconstructions: input, masked, output and target beside each other, in three planes."""

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from brains45k.corpus.manifest import write_if_changed
from brains45k.report.picture import three_planes
from brains45k.volume.volume import Volume

PANELS: Final = ("input", "masked", "output", "target")
# Which plane stands in which row, and where the subject's sides are in it.
PLANES: Final = MappingProxyType({"axial": "A up, R right", "coronal": "S up, R right", "sagittal": "S up, A right"})
ALT_TEXT: Final = "Input, masked, output and target in the axial, coronal and sagittal plane through the middle."

Patch = npt.NDArray[Any]

_LEAST_PANEL_PIXELS = 160
_GAP_PIXELS = 6
_MARGIN_PIXELS = 92
_TEXT_PIXELS = 13
_LINE_PIXELS = 18
# Lighter than a background of 0, so that a patch's edges show.
_PAPER = (36, 36, 36)
_INK = (235, 235, 235)
_FAINT = (175, 175, 175)
_NOT_FINITE = (220, 40, 40)
_LEGEND = "Middle planes; the subject's right is right (neurological). Grey from 0 to 1, what is beyond is clipped."


def reconstruction_picture(panels: Mapping[str, Patch], *, title: str = "") -> Image.Image:
    """Draw the planes through the middle of a patch, one column a panel.

    Rows are the axial, coronal and sagittal plane, turned as ``brains45k show`` turns them: the subject's right is
    right (neurological), up is anterior in the axial plane and superior in the others. Values outside [0, 1] are
    clipped; what is not finite is red, and counted over the whole patch beside the panel's name.

    Parameters
    ----------
    panels : mapping of str to numpy.ndarray
        ``input``, ``masked``, ``output`` and ``target``: x, y, z in RAS, all of one shape.
    title : str
        A line above the picture.

    Raises
    ------
    ValueError
        If the panels are not these four, or their shapes differ or have not three axes.
    """
    _require_panels(panels)
    longest = max(panels[PANELS[0]].shape)
    scale = -(-_LEAST_PANEL_PIXELS // longest)
    columns = [_column(panels[name], scale) for name in PANELS]
    labels = [_label(name, panels[name]) for name in PANELS]
    return _draw(columns, labels, cell_pixels=longest * scale, title=title)


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, in one move: a reader sees the old file or the new one, never half of it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    write_if_changed(path, buffer.getvalue())


def _require_panels(panels: Mapping[str, Patch]) -> None:
    if set(panels) != set(PANELS):
        msg = f"panels are {sorted(panels)}, expected {sorted(PANELS)}"
        raise ValueError(msg)
    shapes = {panels[name].shape for name in PANELS}
    if len(shapes) > 1 or len(panels[PANELS[0]].shape) != len(PLANES):
        msg = f"panels have the shapes {sorted(shapes)}, expected one shape of three axes"
        raise ValueError(msg)


def _column(patch: Patch, scale: int) -> list[Image.Image]:
    """Return a patch's planes in the order of the rows, enlarged without interpolation."""
    finite = np.isfinite(patch)
    planes = zip(_planes(np.where(finite, patch, 0).clip(0, 1)), _planes(~finite), strict=True)
    return [_enlarge(_marked(grey, bad), scale) for grey, bad in planes]


def _planes(values: Patch) -> list[Image.Image]:
    sagittal, coronal, axial = three_planes(Volume(values.astype(np.float32), np.eye(4), (1.0, 1.0, 1.0)))
    return [axial, coronal, sagittal]


def _marked(grey: Image.Image, bad: Image.Image) -> Image.Image:
    coloured = grey.convert("RGB")
    coloured.paste(_NOT_FINITE, mask=bad)
    return coloured


def _enlarge(plane: Image.Image, scale: int) -> Image.Image:
    return plane.resize((plane.width * scale, plane.height * scale), Image.Resampling.NEAREST)


def _label(name: str, patch: Patch) -> str:
    bad = int(np.count_nonzero(~np.isfinite(patch)))
    return f"{name}: {bad:,} not finite" if bad else name


def _draw(columns: list[list[Image.Image]], labels: list[str], *, cell_pixels: int, title: str) -> Image.Image:
    """Lay the planes out in a grid, with the planes' names at the left and the panels' above."""
    step = cell_pixels + _GAP_PIXELS
    top = _LINE_PIXELS * (2 if title else 1) + _GAP_PIXELS
    size = (_MARGIN_PIXELS + len(columns) * step, top + len(PLANES) * step + _LINE_PIXELS + _GAP_PIXELS)
    canvas = Image.new("RGB", size, _PAPER)
    write = partial(ImageDraw.Draw(canvas).text, font=ImageFont.load_default(_TEXT_PIXELS))
    write((_GAP_PIXELS, 3), title, fill=_INK)
    for row, (name, sides) in enumerate(PLANES.items()):
        middle = top + row * step + cell_pixels // 2
        write((_GAP_PIXELS, middle - _LINE_PIXELS), name, fill=_INK)
        write((_GAP_PIXELS, middle), sides, fill=_FAINT)
    for number, (planes, label) in enumerate(zip(columns, labels, strict=True)):
        left = _MARGIN_PIXELS + number * step
        write((left, top - _LINE_PIXELS), label, fill=_INK)
        for row, plane in enumerate(planes):
            inset = [(cell_pixels - side) // 2 for side in plane.size]
            canvas.paste(plane, (left + inset[0], top + row * step + inset[1]))
    write((_GAP_PIXELS, size[1] - _LINE_PIXELS - 2), _LEGEND, fill=_FAINT)
    return canvas
