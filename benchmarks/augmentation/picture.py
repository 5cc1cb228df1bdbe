"""Draw the picture of docs/augmentation.md: each transform on a synthetic head, typical and at its strongest.

    python benchmarks/augmentation/picture.py [--out FILE.png]

Differences are red where the transform brightens, blue where it darkens, white where it changes nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
import torch
from colours import BLUE, RED, palette
from common import REPOSITORY
from PIL import Image, ImageDraw
from torch import Tensor

from brains45k.demo.phantom import Grid, Head, render
from brains45k.training.augment import PRESETS, augment, source_size_voxels
from brains45k.training.augment.draws import stream
from brains45k.training.augment.elastic import draw_elastic
from brains45k.training.augment.spatial import Warp, centre_of, rotation, warp
from brains45k.training.masking import draw_mask, mask_voxels

Pixels = npt.NDArray[np.uint8]
Panel = tuple[str, Pixels]

_SIZE = 128
_SHADES = 32
_LABEL_PIXELS, _GAP_PIXELS = 13, 3
_KEYS = range(6)

#: Name and parameters: typical, and the strongest of the preset.
INTENSITY: Sequence[tuple[str, dict[str, Any], dict[str, Any], float]] = (
    ("additive_noise", {"sigma": 5e-4, "seed": 4}, {"sigma": 1e-3, "seed": 4}, 0.005),
    ("multiplicative_noise", {"sigma": 5e-4, "seed": 4}, {"sigma": 1e-3, "seed": 4}, 0.005),
    ("blur", {"sigma_voxels": 0.5}, {"sigma_voxels": 1.0}, 0.2),
    (
        "motion_ghosting",
        {"strength": 0.9, "repetitions": 5, "axis": 1},
        {"strength": 0.85, "repetitions": 2, "axis": 1},
        0.1,
    ),
    ("gibbs_ringing", {"kept_share": 112 / 128, "axis": 0}, {"kept_share": 96 / 128, "axis": 0}, 0.1),
    ("low_resolution", {"zoom": 0.75, "axes": [0]}, {"zoom": 0.5, "axes": [0, 1, 2]}, 0.2),
    ("bias_field", {"centre": (0.5, 0.5, 0.5)}, {"centre": (0.0, 0.0, 0.0)}, 1.0),
    ("gamma", {"gamma": 0.7, "inverted": False}, {"gamma": 2.0, "inverted": False}, 0.3),
)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "images" / "augmentation.png")
    call = parser.parse_args()
    source = head(source_size_voxels("all", _SIZE))
    pairs = [draw_intensity(*one, source) for one in INTENSITY]
    draws = [draw_sample(key, source) for key in _KEYS]
    rows = [
        *draw_space(source),
        *([*first, *second] for first, second in zip(pairs[::2], pairs[1::2], strict=True)),
        *(list(row) for row in zip(*draws, strict=True)),
    ]
    save(call.out, rows)


def head(size: int) -> Tensor:
    """Render a head in a cube of 1 mm voxels, from 0 to 1."""
    grid = Grid(spacing_mm=(1.0, 1.0, 1.0), field_of_view_mm=(float(size),) * 3, centre_mm=(0.0, 0.0, 0.0))
    voxels = np.asarray(render(Head(seed=45), grid, "T1w", noise=0.02).dataobj, np.float32)
    return torch.from_numpy(np.clip(voxels / np.percentile(voxels[voxels > 0], 99), 0, 1))


def draw_space(source: Tensor) -> list[list[Panel]]:
    """Draw what moves voxels, on the head and on a grid of lines."""
    strong = {"size_voxels": _SIZE, "sigma_voxels": 20.0, "alpha": 600.0}
    usual = {"size_voxels": _SIZE, "sigma_voxels": 25.0, "alpha": 400.0}
    ways = [
        ("elastic, typical", Warp(np.eye(3), draw_elastic(stream(45, "picture"), **usual))),
        ("elastic, strongest", Warp(np.eye(3), draw_elastic(stream(45, "picture"), **strong))),
        ("elastic, 20 x that", Warp(np.eye(3), draw_elastic(stream(45, "picture"), **strong | {"alpha": 12000.0}))),
        ("rotated by 30, 30, 30", Warp(rotation((30, 30, 30)).T)),
        ("scale 0.9", Warp(np.eye(3) * 0.9)),
    ]
    return [
        [("as it is", grey(centre_of(image, _SIZE))), *((name, grey(warped(image, how))) for name, how in ways)]
        for image in (source, lines(len(source)))
    ]


def lines(size: int) -> Tensor:
    """Draw planes 16 voxels apart, 2 thick."""
    marked = torch.zeros(size)
    marked[::16] = marked[1::16] = 1
    return torch.maximum(marked[:, None, None], marked[:, None].expand(size, size, size)).contiguous()


def warped(source: Tensor, how: Warp) -> Tensor:
    """Warp an image to the size of a patch."""
    out = torch.empty((_SIZE,) * 3)
    warp(source, how, out=out, interpolation="linear")
    return out


def draw_intensity(
    name: str, typical: dict[str, Any], strongest: dict[str, Any], reach: float, source: Tensor
) -> list[Panel]:
    """Draw a transform at both strengths, and what the stronger one changes."""
    patch = centre_of(source, _SIZE)[None, None].contiguous()
    transform = next(one for one in PRESETS["all"].intensity if one.name == name)
    weak, strong = (transform.apply(patch, [parameters])[0, 0] for parameters in (typical, strongest))
    title = name.replace("_", " ")
    return [
        (title, grey(weak)),
        (says(strongest), grey(strong)),
        (f"its change, +-{reach:g}", signed(strong - patch[0, 0], reach)),
    ]


def says(parameters: dict[str, Any]) -> str:
    """Put parameters in few words."""
    return ", ".join(f"{name} {value}" for name, value in parameters.items() if name not in ("seed", "axis"))


def draw_sample(key: int, source: Tensor) -> list[Panel]:
    """Draw target, image and masked image of one draw of the preset."""
    pair = augment(source[None, None], [key], preset="all", size_voxels=_SIZE)
    masked = mask_voxels(pair.image, draw_mask([key], size_voxels=_SIZE))
    return [
        (f"key {key}: target", grey(pair.target[0, 0])),
        ("image", grey(pair.image[0, 0])),
        ("image, masked", grey(masked[0, 0])),
    ]


def plane(image: Tensor) -> npt.NDArray[np.float32]:
    """Cut an axial plane a little above the middle; front is up."""
    return np.asarray(image[:, :, round(0.55 * image.shape[2])].numpy().T[::-1])


def grey(image: Tensor) -> Pixels:
    """Map 0 to 1 to grey."""
    return np.repeat((np.clip(plane(image), 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=-1)


def signed(difference: Tensor, reach: float) -> Pixels:
    """Map a difference to red (positive), white (none) and blue (negative)."""
    part = np.clip(plane(difference) / reach, -1, 1)[..., None]
    coloured = np.where(part > 0, 255 + part * np.subtract(RED, 255), 255 - part * np.subtract(BLUE, 255))
    return coloured.astype(np.uint8)


def save(path: Path, rows: Sequence[Sequence[Panel]]) -> None:
    """Lay out rows of labelled panels and write a PNG of few colours."""
    step_x, step_y = _SIZE + _GAP_PIXELS, _SIZE + _GAP_PIXELS + _LABEL_PIXELS
    sheet = Image.new("RGB", (step_x * max(map(len, rows)), step_y * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        for place, (label, pixels) in enumerate(row):
            draw.text((place * step_x, number * step_y), label, fill="black")
            sheet.paste(Image.fromarray(pixels), (place * step_x, number * step_y + _LABEL_PIXELS))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(palette=palette(_SHADES), dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
