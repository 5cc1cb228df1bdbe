"""Our presets against Yucca's own preprocessing, voxel by voxel."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cases import Case, load_canonical
from common import Bar, Peer, table
from scipy import ndimage

from brains45k.volume import Preprocessing, Volume, preprocess
from brains45k.volume.geometry import resample

Voxels = npt.NDArray[np.float32]

BAR_DB = 60.0

_WHOLE_VOXEL_TOLERANCE = 1e-3
_COLUMNS = (
    "volume", "Yucca's shape", "`reference` shape", "`reference` dB", "largest difference", "`paper` shape",
    "`paper` dB", "shared voxels", "order alone dB",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One volume; PSNRs in dB with a peak of 1, None where the shapes allow no comparison."""

    name: str
    peer_sha256: str
    peer_shape: tuple[int, ...]
    reference_shape: tuple[int, ...]
    paper_shape: tuple[int, ...]
    reference_db: float | None
    largest_difference: float | None
    paper_db: float | None
    shared_fraction: float | None
    order_db: float


def compare_all(cases: Sequence[Case], peer: Peer, work: Path) -> tuple[list[Row], list[str]]:
    """Preprocess every volume on both sides; return a row each, and what stops Yucca."""
    rows, left_out = [], []
    for case in cases:
        target = work / "yucca.npy"
        answer = peer.ask("preprocess", source=str(case.nifti), target=str(target))
        if "error" in answer:
            left_out.append(f"{case.name}: Yucca fails: {answer['error']}")
        else:
            rows.append(_compare(case, np.load(target)))
    return rows, left_out


def parity_table(rows: Sequence[Row]) -> dict[str, Any]:
    """Make a table with one row for the files that are one volume to Yucca."""
    return table("Against Yucca's preprocessing", _COLUMNS, [_cells(row) for row in fold(rows)])


def parity_bars(rows: Sequence[Row]) -> list[Bar]:
    """Return the bars of the ``reference`` preset."""
    same = sum(row.reference_db is not None for row in rows)
    worst = _pick(min, (row.reference_db for row in rows))
    return [
        Bar("`reference`: files with Yucca's shape, of all", same / max(1, len(rows)), least=1),
        # Equal voxels have no finite PSNR, and JSON no infinity.
        Bar("`reference`: worst PSNR to Yucca, dB", 0 if worst is None else min(worst, 999), least=BAR_DB),
    ]


def _compare(case: Case, peer: Voxels) -> Row:
    reference = preprocess(case.path, Preprocessing(preset="reference"))
    paper = preprocess(case.path, Preprocessing(preset="paper"))
    same_shape = reference.shape == peer.shape
    # A Yucca volume of the same shape lies on the grid of our reference: Yucca itself keeps no affine.
    ours, theirs = on_shared_grid(paper, peer, reference.affine) if same_shape else (None, None)
    return Row(
        name=case.name,
        peer_sha256=hashlib.sha256(np.ascontiguousarray(peer).tobytes()).hexdigest(),
        peer_shape=peer.shape,
        reference_shape=reference.shape,
        paper_shape=paper.shape,
        reference_db=psnr_db(reference.data, peer) if same_shape else None,
        largest_difference=float(np.abs(reference.data - peer).max()) if same_shape else None,
        paper_db=None if ours is None or theirs is None else psnr_db(ours, theirs),
        shared_fraction=None if ours is None else ours.size / paper.data.size,
        order_db=psnr_db(paper.data, in_reference_order(case, paper)),
    )


def in_reference_order(case: Case, paper: Volume) -> Voxels:
    """Clip and normalise before resampling, as the reference does, but on the grid of the ``paper`` preset.

    Normalising and rescaling are one linear map, so that the percentile is all that has to be found.
    """
    data, affine = load_canonical(case)
    low = data.min()
    high = np.float32(np.percentile(data[data != low].astype(np.float64), Preprocessing().clip_percentile))
    normalised = (np.minimum(data, high) - low) / (high - low)
    x, y, z = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    whole = resample(Volume(normalised, affine, (x, y, z)), spacing_mm=1.0)
    part = tuple(slice(start, start + size) for start, size in zip(paper.crop_start, paper.shape, strict=True))
    return whole.data[part]


def psnr_db(ours: Voxels, theirs: Voxels, *, peak: float = 1) -> float:
    """Return the peak signal-to-noise ratio; infinite where all voxels are equal.

    >>> round(psnr_db(np.zeros(4, np.float32), np.full(4, 0.1, np.float32)), 3)
    20.0
    """
    error = float(np.mean((ours.astype(np.float64) - theirs) ** 2)) / peak**2
    return math.inf if error == 0 else -10 * math.log10(error)


def on_shared_grid(paper: Volume, peer: Voxels, peer_affine: npt.NDArray[np.float64]) -> tuple[Voxels, Voxels]:
    """Take Yucca's volume at the centres of the ``paper`` preset's voxels that lie inside it.

    Both grids have the same axes, so that one step and one offset per axis lead from one to the other. Whole
    offsets at equal steps (scans of 1 mm) take voxels as they are; others need a cubic spline.
    """
    mapping = np.linalg.inv(peer_affine) @ paper.affine
    step, offset = np.diag(mapping)[:3], mapping[:3, 3]
    inside = [_inside(*axis) for axis in zip(paper.shape, peer.shape, step, offset, strict=True)]
    shape = tuple(part.stop - part.start for part in inside)
    first = offset + step * [part.start for part in inside]
    whole = np.allclose(step, 1, atol=1e-6) and np.allclose(first, np.rint(first), atol=_WHOLE_VOXEL_TOLERANCE)
    theirs = ndimage.affine_transform(peer, step, first, shape, order=0 if whole else 3, mode="mirror")
    return paper.data[tuple(inside)], np.clip(theirs, 0, 1)


def _inside(size: int, peer_size: int, step: float, offset: float) -> slice:
    """Return the range of voxels along an axis whose centres lie in the other's field of view."""
    centres = np.arange(size) * step + offset
    hits = np.flatnonzero(np.abs(centres - (peer_size - 1) / 2) < peer_size / 2)
    return slice(int(hits[0]), int(hits[-1]) + 1)


def fold(rows: Iterable[Row]) -> list[Row]:
    """Make one row of the files that are one volume to Yucca, such as a head stored in several orientations."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        key = (row.peer_sha256, row.peer_shape, row.reference_shape, row.paper_shape)
        groups.setdefault(key, []).append(row)
    return [_worst(group) if len(group) > 1 else group[0] for group in groups.values()]


def _worst(group: Sequence[Row]) -> Row:
    return replace(
        group[0],
        name=f"{group[0].name} and {len(group) - 1} more, one volume",
        reference_db=_pick(min, (row.reference_db for row in group)),
        largest_difference=_pick(max, (row.largest_difference for row in group)),
        paper_db=_pick(min, (row.paper_db for row in group)),
        order_db=min(row.order_db for row in group),
    )


def _pick(choose: Callable[[list[float]], float], values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None


def _cells(row: Row) -> tuple[str, ...]:
    peer, reference, paper = (
        " x ".join(map(str, shape)) for shape in (row.peer_shape, row.reference_shape, row.paper_shape)
    )
    return (
        row.name, peer, reference, db_text(row.reference_db), _or_dash(row.largest_difference, ".1e"), paper,
        db_text(row.paper_db), _or_dash(row.shared_fraction, ".1%"), db_text(row.order_db),
    )  # fmt: skip


def db_text(value: float | None) -> str:
    """Write a PSNR; "equal" where no voxel differs."""
    return "equal" if value == math.inf else _or_dash(value, ".1f")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
