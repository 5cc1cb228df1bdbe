"""Compare our preprocessing with Yucca's own, voxel by voxel, and both times, in one run.

    python benchmarks/yucca/run.py --peer-python PATH [FOLDER ...]

Yucca runs in an environment of its own (see the README beside this file). Prints a Markdown table. Exit codes:
0 the ``reference`` preset meets its bar on every volume, 1 it misses it, 2 the call is at fault.
"""

import argparse
import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from threadpoolctl import threadpool_limits

from brains45k.demo.phantom import Grid, Head, render
from brains45k.volume import Preprocessing, RefusalError, Volume, preprocess, read_image
from brains45k.volume.geometry import crop, reorient, resample
from brains45k.volume.intensity import clip, find_foreground, rescale, znormalise
from brains45k.volume.resampling import axis_matrix

BAR_DB = 60.0
SHARED_VOLUMES = Path(__file__).resolve().parents[3] / "shared" / "volumes"

Voxels = npt.NDArray[np.float32]

_IMAGE_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh", ".img")
_NIFTI_SUFFIXES = (".nii", ".nii.gz")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_WHOLE_VOXEL_TOLERANCE = 1e-3
_HEADER = (
    "volume", "Yucca's shape", "`reference` shape", "`reference` dB", "largest difference", "`paper` shape",
    "`paper` dB", "shared voxels", "order alone dB", "CPU Yucca / `reference`", "CPU Yucca / `paper`",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A volume that both sides can read: the file itself, and what Yucca is given."""

    name: str
    path: Path
    peer_path: Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; PSNRs in dB with a peak of 1, None where the shapes allow no comparison."""

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
    reference_ratio: float
    paper_ratio: float

    @property
    def meets_bar(self) -> bool:
        """Tell whether the ``reference`` preset has Yucca's shape and voxels."""
        return self.reference_db is not None and self.reference_db >= BAR_DB


def main() -> None:
    """Run both sides over all volumes and print the table."""
    call = _parse()
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        work = Path(folder)
        files = list(_collect(call.folders)) + list(_render_phantoms(work))
        cases, left_out = _prepare(files, work)
        peer = _run_peer(call.peer_python, [case.peer_path for case in cases], work, repeats=call.repeats)
        rows = []
        for number, (case, result) in enumerate(zip(cases, peer["results"], strict=True)):
            if "error" in result:
                left_out.append(f"{case.name}: Yucca fails: {result['error']}")
                continue
            peer_voxels = np.load(work / f"{number}.npy")
            rows.append(_compare(case, peer_voxels, statistics.median(result["cpu_seconds"]), repeats=call.repeats))
    folded = _fold(rows)
    _print_table(folded)
    met = sum(row.meets_bar for row in rows)
    print(f"\n`reference`: {met} of {len(rows)} files have Yucca's shape and at least {BAR_DB:g} dB.")
    _print_ratios(folded)
    print(f"Peer: {', '.join(f'{package} {version}' for package, version in peer['versions'].items())}.")
    for line in left_out:
        print(f"Left out: {line}")
    sys.exit(0 if rows and all(row.meets_bar for row in rows) else 1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help=f"folders with images  [default: {SHARED_VOLUMES}]")
    parser.add_argument("--peer-python", type=Path, required=True, help="interpreter of Yucca's environment")
    parser.add_argument("--repeats", type=int, default=3, help="times per volume and side; the median counts")
    call = parser.parse_args()
    missing = [str(path) for path in (*call.folders, call.peer_python) if not path.exists()]
    if missing:
        parser.error(f"{', '.join(missing)} does not exist.")
    # Without a folder named, and without the default one, the phantoms alone are compared.
    call.folders = call.folders or [folder for folder in (SHARED_VOLUMES,) if folder.exists()]
    return call


def _collect(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name.lower().endswith(_IMAGE_SUFFIXES):
                yield path.relative_to(folder).as_posix(), path


def _render_phantoms(work: Path) -> Iterator[tuple[str, Path]]:
    """Write two synthetic anisotropic oblique heads: one in noisy air, one skull-stripped and stored sagittally."""
    axial = Grid(spacing_mm=(0.9, 0.9, 3.0), orientation="LPS", oblique_deg=14)
    sagittal = Grid(spacing_mm=(0.94, 0.94, 1.3), orientation="PSR", oblique_deg=9)
    heads = {
        "phantom, noisy air": render(Head(seed=45), axial, "FLAIR"),
        "phantom, skull-stripped": render(Head(seed=46), sagittal, "T1w", skull_stripped=True),
    }
    for name, image in heads.items():
        path = work / f"{name.replace(', ', '_')}.nii.gz"
        nibabel.save(image, path)
        yield name, path


def _prepare(files: list[tuple[str, Path]], work: Path) -> tuple[list[Case], list[str]]:
    """Keep what our reader takes, and lay each out for Yucca; say why the rest is left out."""
    cases: list[Case] = []
    left_out: list[str] = []
    for name, path in files:
        try:
            read_image(path)
        except RefusalError as refusal:
            left_out.append(f"{name}: our reader refuses it: {refusal.code.value}")
            continue
        cases.append(Case(name, path, _lay_out_for_peer(path, work / f"input{len(cases)}")))
    return cases, left_out


def _lay_out_for_peer(path: Path, stem: Path) -> Path:
    """Link a NIfTI file, or convert another format with nibabel; Yucca reads nothing else.

    A link, because Yucca takes all that follows the first dot of a whole path for its extension.
    """
    suffix = next((suffix for suffix in _NIFTI_SUFFIXES if path.name.lower().endswith(suffix)), None)
    if suffix:
        target = stem.with_suffix(suffix)
        target.symlink_to(path.resolve())
        return target
    # Compressed only where the original is, so that both sides inflate or neither does.
    target = stem.with_suffix(".nii.gz" if path.name.lower().endswith(".mgz") else ".nii")
    nibabel.save(_as_nifti(nibabel.load(path)), target)
    return target


def _as_nifti(image: Any) -> Any:
    """Convert MGH with its affine; Analyze, which states no orientation, with both codes 0 and its voxel sizes."""
    voxels = np.asarray(image.dataobj)
    voxels = voxels.reshape(voxels.shape[:3])
    # Scaled Analyze comes as float64, which only makes the file larger than the original.
    voxels = voxels.astype(np.float32) if voxels.dtype.kind == "f" else voxels
    oriented = isinstance(image, nibabel.MGHImage)
    converted = nibabel.Nifti1Image(voxels, image.affine if oriented else None)
    if oriented:
        converted.set_sform(image.affine, 1)
    converted.header.set_zooms(np.abs(image.header.get_zooms()[:3]))
    return converted


def _run_peer(python: Path, files: list[Path], work: Path, *, repeats: int) -> dict[str, Any]:
    listed = work / "files.json"
    listed.write_text(json.dumps([str(path) for path in files]))
    script = Path(__file__).with_name("peer.py")
    command = [str(python.absolute()), str(script), str(listed), str(work), "--repeats", str(repeats)]
    done = subprocess.run(command, env=os.environ | _ONE_THREAD, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{script.name} ends with {done.returncode} under {python}:\n{done.stderr[-2000:]}", file=sys.stderr)
        sys.exit(2)
    result: dict[str, Any] = json.loads((work / "peer.json").read_text())
    return result


def _compare(case: Case, peer: Voxels, peer_seconds: float, *, repeats: int) -> Row:
    reference, reference_seconds = _measure(case.path, "reference", repeats=repeats)
    paper, paper_seconds = _measure(case.path, "paper", repeats=repeats)
    same_shape = reference.shape == peer.shape
    # A Yucca volume of the same shape lies on the grid of our reference: Yucca itself keeps no affine.
    ours, theirs = _on_shared_grid(paper, peer, reference.affine) if same_shape else (None, None)
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
        order_db=psnr_db(paper.data, _in_reference_order(case.path).data),
        reference_ratio=peer_seconds / reference_seconds,
        paper_ratio=peer_seconds / paper_seconds,
    )


def _measure(path: Path, preset: str, *, repeats: int) -> tuple[Volume, float]:
    """Preprocess a file several times; return the volume and the median of the CPU seconds, file to array."""
    seconds = []
    for _ in range(repeats):
        # Each time as if the size were met for the first time.
        axis_matrix.cache_clear()
        start = time.process_time()
        volume = preprocess(read_image(path), Preprocessing(preset=preset))
        seconds.append(time.process_time() - start)
    return volume, statistics.median(seconds)


def _in_reference_order(path: Path) -> Volume:
    """Clip and normalise before resampling, as the reference does, but on the grid of the ``paper`` preset."""
    image = read_image(path)
    volume = find_foreground(
        reorient(Volume(image.voxels, image.affine, image.spacing_mm)), method=Preprocessing().foreground
    )
    normalised = rescale(znormalise(clip(volume, percentile=Preprocessing().clip_percentile)))
    resampled = resample(normalised, spacing_mm=Preprocessing().spacing_mm)
    return crop(resampled, box="foreground", high_margin_voxels=0)


def psnr_db(ours: Voxels, theirs: Voxels) -> float:
    """Return the peak signal-to-noise ratio for a peak of 1; infinite where all voxels are equal.

    >>> round(psnr_db(np.zeros(4, np.float32), np.full(4, 0.1, np.float32)), 3)
    20.0
    """
    error = float(np.mean((ours.astype(np.float64) - theirs) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def _on_shared_grid(paper: Volume, peer: Voxels, peer_affine: npt.NDArray[np.float64]) -> tuple[Voxels, Voxels]:
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


def _fold(rows: list[Row]) -> list[Row]:
    """Make one row of the files that are one volume to Yucca, such as a head stored in several orientations."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        key = (row.peer_sha256, row.peer_shape, row.reference_shape, row.paper_shape)
        groups.setdefault(key, []).append(row)
    return [_worst(group) if len(group) > 1 else group[0] for group in groups.values()]


def _worst(group: list[Row]) -> Row:
    """Return the worst of each figure, and the geometric mean of the ratios."""
    return replace(
        group[0],
        name=f"{group[0].name} and {len(group) - 1} more, one volume",
        reference_db=_pick(min, (row.reference_db for row in group)),
        largest_difference=_pick(max, (row.largest_difference for row in group)),
        paper_db=_pick(min, (row.paper_db for row in group)),
        order_db=min(row.order_db for row in group),
        reference_ratio=statistics.geometric_mean(row.reference_ratio for row in group),
        paper_ratio=statistics.geometric_mean(row.paper_ratio for row in group),
    )


def _pick(choose: Callable[[list[float]], float], values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None


def _print_table(rows: list[Row]) -> None:
    print(f"| {' | '.join(_HEADER)} |\n|{'---|' * len(_HEADER)}")
    for row in rows:
        shapes = [" x ".join(map(str, shape)) for shape in (row.peer_shape, row.reference_shape, row.paper_shape)]
        cells = [
            row.name, shapes[0], shapes[1], _db(row.reference_db), _or_dash(row.largest_difference, ".1e"), shapes[2],
            _db(row.paper_db), _or_dash(row.shared_fraction, ".1%"), _db(row.order_db),
            f"{row.reference_ratio:.1f}", f"{row.paper_ratio:.1f}",
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _db(value: float | None) -> str:
    return "equal" if value == math.inf else _or_dash(value, ".1f")


def _print_ratios(rows: list[Row]) -> None:
    by_preset = {
        "reference": [row.reference_ratio for row in rows],
        "paper": [row.paper_ratio for row in rows],
    }
    for preset, ratios in by_preset.items():
        if ratios:
            mean, low, high = statistics.geometric_mean(ratios), min(ratios), max(ratios)
            print(f"CPU time, Yucca / `{preset}`: geometric mean {mean:.1f}, from {low:.1f} to {high:.1f}.")


if __name__ == "__main__":
    main()
