"""Our resampling against that of other tools, on real volumes and on one grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cases import Case, load_canonical
from common import Peer, table
from parity import db_text, psnr_db
from tools import NNUNET_NOT_SEPARATE, resample_ours, resample_peer

Array = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]

#: The tools that come to our grid by themselves, and those that are given it.
SAME_CONVENTION = ("Yucca", NNUNET_NOT_SEPARATE, "nnU-Net")
GIVEN_OUR_GRID = ("SimpleITK", "TorchIO, antialias")

_PERCENTILE = 99.0


@dataclass(frozen=True, slots=True)
class Row:
    """One volume: the PSNR of each tool to ours, and how far SimpleITK leaves the input's range."""

    name: str
    spacing_mm: tuple[float, ...]
    db: dict[str, float]
    undershoot: float
    background: float


def compare_all(cases: Sequence[Case], peer: Peer, work: Path) -> list[Row]:
    """Resample each volume that is not of 1 mm already with every tool; one volume of those that are the same."""
    rows = []
    for case in _distinct(cases):
        data, affine = load_canonical(case)
        if not np.allclose(_spacing_mm(affine), 1, atol=1e-3):
            rows.append(_compare(case.name, data, affine, peer, work))
    return rows


def others_table(rows: Sequence[Row]) -> dict[str, Any]:
    """Make the table: PSNR to ours in dB."""
    tools = (*SAME_CONVENTION, *GIVEN_OUR_GRID)
    columns = (
        "volume", "spacing, mm", *(f"{tool}, dB" for tool in tools), "undershoot of SimpleITK",
        "its background, rescaled",
    )  # fmt: skip
    cells = [
        (
            row.name,
            " x ".join(f"{step:.3g}" for step in row.spacing_mm),
            *(db_text(row.db[tool]) for tool in tools),
            f"{row.undershoot:.1%}",
            f"{row.background:.3f}",
        )
        for row in rows
    ]
    return table("Against other resampling, on our grid: PSNR to ours", columns, cells)


def resample_all(data: Voxels, affine: Array, peer: Peer, work: Path) -> tuple[Voxels, dict[str, Voxels]]:
    """Resample with ours and, onto our grid, with every tool."""
    ours, grid_affine = resample_ours(data, affine)
    theirs = {tool: resample_peer(peer, work, tool, data, affine)[0] for tool in SAME_CONVENTION}
    given = {
        tool: resample_peer(peer, work, tool, data, affine, grid=(ours.shape, grid_affine)) for tool in GIVEN_OUR_GRID
    }
    return ours, theirs | {tool: voxels for tool, (voxels, _) in given.items()}


def peak_of(data: Voxels) -> float:
    """Return what counts as full brightness: a high percentile of the voxels above the smallest."""
    return float(np.percentile(data[data != data.min()], _PERCENTILE) - data.min())


def _compare(name: str, data: Voxels, affine: Array, peer: Peer, work: Path) -> Row:
    ours, theirs = resample_all(data, affine, peer, work)
    peak = peak_of(data)
    below = max(0.0, float(data.min() - theirs["SimpleITK"].min()))
    return Row(
        name=name,
        spacing_mm=_spacing_mm(affine),
        db={tool: psnr_db(ours, voxels, peak=peak) for tool, voxels in theirs.items()},
        undershoot=below / peak,
        background=below / (peak + below),
    )


def _spacing_mm(affine: Array) -> tuple[float, ...]:
    return tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist())


def _distinct(cases: Sequence[Case]) -> list[Case]:
    """Take one case of each folder of copies, such as one head in all orientations."""
    folders: dict[str, Case] = {}
    for case in cases:
        folders.setdefault(case.name.rpartition("/")[0] or case.name, case)
    return list(folders.values())
