"""How far our transforms are from Yucca's with the same parameters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from augmentation.parts import AFFINE
from common import Bar, Peer, table
from scipy.ndimage import gaussian_filter

_SIZE, _SOURCE = 64, 91
_MOST = 1e-5
_TURN = {"size": _SIZE, "degrees": [20.0, -13.0, 27.0], "scale": 0.93}
#: Parameters of each transform whose result chance does not decide.
CASES: Sequence[tuple[str, dict[str, Any]]] = (
    (AFFINE, _TURN | {"interpolation": "cubic"}),
    (AFFINE, _TURN | {"interpolation": "linear"}),
    ("blur", {"sigma_voxels": 0.9}),
    *(("motion_ghosting", {"strength": 0.85, "repetitions": count, "axis": axis}) for count, axis in ((4, 0), (5, 1))),
    *(("gibbs_ringing", {"kept_share": lines / _SIZE, "axis": axis}) for lines, axis in ((48, 0), (53, 1), (60, 2))),
    *(("low_resolution", {"zoom": zoom, "axes": axes}) for zoom, axes in ((0.5, [0, 1, 2]), (0.7, [1]))),
    ("bias_field", {"centre": [0.25, 0.5, 0.75]}),
    *(("gamma", {"gamma": gamma, "inverted": inverted}) for gamma, inverted in ((0.6, False), (1.7, True))),
)
Compared = tuple[str, dict[str, Any], float, float]


def compare(ours: Peer, yucca: Peer, work: Path) -> list[Compared]:
    """Return each transform, its parameters, the largest difference between the sides, and the largest change."""
    found = []
    for part, parameters in CASES:
        image = _image(_SOURCE if part == AFFINE else _SIZE)
        np.save(work / "image.npy", image)
        results = []
        for side, name in ((ours, "ours"), (yucca, "yucca")):
            path = str(work / f"{name}.npy")
            side.ask("apply", part=part, source=str(work / "image.npy"), target=path, parameters=parameters)
            results.append(np.load(path))
        margin = (len(image) - _SIZE) // 2
        cut = image[(slice(margin, margin + _SIZE),) * 3]
        found.append(
            (part, parameters, float(np.abs(results[0] - results[1]).max()), float(np.abs(results[1] - cut).max()))
        )
    return found


def _image(size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Make a smooth image from 0 to 1, with background."""
    voxels = gaussian_filter(np.random.default_rng(45).random((size,) * 3), 1.2)
    voxels = np.clip(voxels - 0.45, 0, None)
    voxels[: size // 8] = 0
    return np.asarray(voxels / voxels.max(), np.float32)


def agreement_table(found: Sequence[Compared]) -> dict[str, Any]:
    """Make the table."""
    rows = [
        (part, ", ".join(f"{name} {value}" for name, value in given.items() if name != "size"), f"{far:.1e}", change)
        for part, given, far, change in found
    ]
    return table(
        "Largest difference from Yucca with the same parameters, image from 0 to 1",
        ("transform", "parameters", "difference", "largest change by the transform"),
        rows,
    )


def agreement_bar(found: Sequence[Compared]) -> Bar:
    """Return the bar: nothing differs by more than rounding."""
    return Bar("largest difference from Yucca", max(far for _, _, far, _ in found), most=_MOST)
