"""Draw the pictures of docs/fidelity.md.

    python benchmarks/fidelity/pictures.py --peer-python PATH [--out FOLDER]

Needs the real volumes beside the checkout for the pictures of heads. Differences are red where the first is brighter,
blue where it is darker, white where both are equal.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
from cases import Case, load_canonical, make_cases
from colours import BLUE, RED, palette
from common import REPOSITORY, Peer, open_peer
from others import peak_of, resample_all
from parity import on_shared_grid
from phantoms import GRIDS, Sphere, positions
from PIL import Image, ImageDraw
from tools import NNUNET_NOT_SEPARATE, resamplers
from volumes import REAL_VOLUMES

from brains45k.volume import Preprocessing, preprocess

Plane = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Panel = tuple[str, Pixels]

_LABEL_PIXELS = 14
_GAP_PIXELS = 4
_SHADES = 64
_SLICES = GRIDS[3]


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "images")
    call = parser.parse_args()
    call.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_peer(call.peer_python, Path(__file__).with_name("peer.py")) as peer,
    ):
        work = Path(folder)
        _save(call.out / "fidelity-slices.png", draw_sphere(peer, work))
        _save(call.out / "fidelity-rings.png", draw_rings(peer, work))
        names = ("ms20_T1w.nii.gz", "ms07x_FLAIR.nii.gz", "seg3d_T1.nii.gz", "ms20_FLAIR.nii.gz")
        files = [(name, REAL_VOLUMES / name) for name in names]
        if not all(path.exists() for _, path in files):
            sys.exit(f"{REAL_VOLUMES.name} is absent beside the checkout: the heads are not drawn.")
        cases, _ = make_cases(files, work)
        _save(call.out / "fidelity-paper.png", [draw_presets(case, peer, work) for case in cases[:3]])
        _save(call.out / "fidelity-resamplers.png", draw_resamplers(cases[3], peer, work))


def draw_sphere(peer: Peer, work: Path) -> list[list[Panel]]:
    """Draw a soft ball on 5 mm slices, cut across them: each tool's result, and its error."""
    ball = Sphere(20.0, 2.0, (-0.4, 0.45, 1.17))
    given = ball.sample(_SLICES)
    results = {name: tool(given, _SLICES.affine) for name, tool in resamplers(peer, work).items()}
    shown, errors = [], []
    for name, (data, affine) in results.items():
        error = data - ball.brightness_at(ball.distance_mm(positions(data.shape, affine))).astype(np.float32)
        shown.append((name, grey(_across(data), 0, 1)))
        errors.append((f"{name}: error", signed(_across(error), 0.25)))
    return [_enlarged(shown, 2), _enlarged(errors, 2)]


def draw_rings(peer: Peer, work: Path) -> list[list[Panel]]:
    """Draw rings that grow finer from the middle outwards, from 0 to 0.9 cycles per mm, given at 0.5 mm."""
    centre = _SLICES.affine @ np.array([*((np.array(_SLICES.shape) - 1) / 2), 1])
    in_plane = _SLICES.affine[:3, :2] / _SLICES.spacing_mm[:2]

    def rings(points: npt.NDArray[np.float64]) -> Plane:
        x, y = np.moveaxis((points - centre[:3]) @ in_plane, -1, 0)
        return (0.5 + 0.5 * np.cos(np.pi * 0.9 / 40 * (x * x + y * y))).astype(np.float32)

    given = rings(positions(_SLICES.shape, _SLICES.affine))
    panels = [("given, 0.5 mm", grey(_middle(given), 0, 1))]
    for name, tool in resamplers(peer, work).items():
        # Yucca's picture is ours.
        if name != "Yucca":
            data, _ = tool(given, _SLICES.affine)
            panels += _enlarged([(name, grey(_middle(data), 0, 1))], 2)
    return [panels[:3], panels[3:]]


def draw_presets(case: Case, peer: Peer, work: Path) -> list[Panel]:
    """Draw a scan in the `paper` preset, and `paper` minus Yucca."""
    target = work / "yucca.npy"
    peer.ask("preprocess", source=str(case.nifti), target=str(target))
    reference = preprocess(case.path, Preprocessing(preset="reference"))
    paper = preprocess(case.path, Preprocessing(preset="paper"))
    ours, theirs = on_shared_grid(paper, np.load(target), reference.affine)
    name = case.name.partition(".")[0]
    difference = ours - theirs
    return [
        (f"{name}, paper", grey(_axial(ours), 0, 1)),
        ("paper - Yucca, +-0.1", signed(_axial(difference), 0.1)),
        ("the same, coronal", signed(_coronal(difference), 0.1)),
    ]


def draw_resamplers(case: Case, peer: Peer, work: Path) -> list[list[Panel]]:
    """Draw a scan with thick slices, resampled by ours, and each tool minus ours."""
    data, affine = load_canonical(case)
    ours, theirs = resample_all(data, affine, peer, work)
    peak = peak_of(data)
    differences = {
        tool: (f"{tool} - ours, +-0.1", signed(_coronal(voxels - ours) / peak, 0.1)) for tool, voxels in theirs.items()
    }
    return [
        [("ours", grey(_coronal(ours), 0, peak)), ("nnU-Net", grey(_coronal(theirs["nnU-Net"]), 0, peak))],
        [differences["nnU-Net"], differences[NNUNET_NOT_SEPARATE]],
        [differences["SimpleITK"], differences["Yucca"]],
    ]


def grey(plane: Plane, low: float, high: float) -> Pixels:
    """Map brightness to grey."""
    level = np.clip((plane - low) / (high - low), 0, 1) * 255
    return np.repeat(level.astype(np.uint8)[..., None], 3, axis=-1)


def signed(plane: Plane, reach: float) -> Pixels:
    """Map a difference to red (positive), white (none) and blue (negative)."""
    part = np.clip(plane / reach, -1, 1)[..., None]
    return np.where(part > 0, 255 + part * np.subtract(RED, 255), 255 - part * np.subtract(BLUE, 255)).astype(np.uint8)


def _across(data: Plane) -> Plane:
    """Cut across the slices, through the middle; up is up."""
    return data[data.shape[0] // 2].T[::-1]


def _middle(data: Plane) -> Plane:
    return data[:, :, data.shape[2] // 2].T[::-1]


def _axial(data: Plane) -> Plane:
    return data[:, :, int(data.shape[2] * 0.55)].T[::-1]


def _coronal(data: Plane) -> Plane:
    return data[:, data.shape[1] // 2].T[::-1]


def _enlarged(panels: Sequence[Panel], factor: int) -> list[Panel]:
    return [(label, np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)) for label, pixels in panels]


def _save(path: Path, rows: Sequence[Sequence[Panel]]) -> None:
    """Lay out rows of labelled panels and write a PNG of few colours."""
    heights = [max(pixels.shape[0] for _, pixels in row) + _LABEL_PIXELS + _GAP_PIXELS for row in rows]
    widths = [sum(pixels.shape[1] + _GAP_PIXELS for _, pixels in row) for row in rows]
    sheet = Image.new("RGB", (max(widths), sum(heights)), "white")
    draw = ImageDraw.Draw(sheet)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for label, pixels in row:
            draw.text((left, top), label, fill="black")
            sheet.paste(Image.fromarray(pixels), (left, top + _LABEL_PIXELS))
            left += pixels.shape[1] + _GAP_PIXELS
        top += height
    sheet.quantize(palette=palette(_SHADES), dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
