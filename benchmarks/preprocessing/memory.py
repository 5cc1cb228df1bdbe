"""Peak memory per volume, each in a fresh process."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from common import Bar, Cell, open_peer, table
from preprocessing.speed import PRESETS, YUCCA
from volumes import GEOMETRIES

from brains45k.demo.phantom import Grid, Head, render

_HERE = Path(__file__).parent
_MOST = 4.0
_MB = 1e6
_FLOAT32_BYTES = 4
# The file, and one more, so that the next one is read ahead while a volume is computed.
_COPIES = 3
_COLUMNS = (
    "volume", "in", "out", "larger as float32, MB", *(f"`{preset}`, MB" for preset in PRESETS),
    *(f"`{preset}`, times" for preset in PRESETS), "Yucca, MB", "Yucca, times", "process, MiB",
    "asked of Snakemake, MiB",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Peak:
    """What one volume took at most, beside the interpreter."""

    name: str
    original_shape: tuple[int, ...]
    shape: tuple[int, ...]
    bytes_by_preset: dict[str, int]
    yucca_bytes: int
    process_mib: int
    asked_mib: int

    @property
    def larger_bytes(self) -> int:
        """The float32 size of the larger of input and output."""
        return _FLOAT32_BYTES * max(math.prod(self.original_shape), math.prod(self.shape))


def write_inputs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write the ADNI head in other voxel types, and heads of extreme voxel sizes; yield names and paths."""
    shape, spacing_mm, contrast, *_ = GEOMETRIES["ADNI"]
    adni = _render(shape, spacing_mm, contrast)
    voxels = np.asarray(adni.dataobj)
    # Resampled images, such as those of ISLES22, have values of any kind, which no gzip packs well.
    fractions = voxels * (math.pi / 100)
    types = {
        "uint8": np.rint(voxels * (255 / voxels.max())).astype(np.uint8),
        "float32": fractions.astype(np.float32),
        "float64": fractions.astype(np.float64),
    }
    for name, data in types.items():
        path = folder / f"ADNI_{name}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(data, adni.affine), path)
        yield f"ADNI as {name}", path
    for name, size, step in (
        ("0.5 x 0.5 x 5 mm", (448, 448, 32), (0.5, 0.5, 5.0)),
        ("0.5 mm", (320, 320, 320), (0.5, 0.5, 0.5)),
    ):
        path = folder / f"{name.replace(' ', '_').replace('.', '')}.nii.gz"
        nibabel.save(_render(size, step, "T1w"), path)
        yield name, path


def measure(name: str, path: Path, peer_python: Path, work: Path) -> Peak:
    """Measure both presets and Yucca on one file."""
    answers = {}
    for preset in PRESETS:
        with open_peer(Path(sys.executable), _HERE / "ours.py") as ours:
            answers[preset] = ours.ask(
                "peak", source=str(path), copies=_COPIES, preset=preset, folder=str(work / "peak")
            )
    with open_peer(peer_python, _HERE / "peer.py") as peer:
        yucca_bytes = peer.ask("peak", peer=YUCCA, source=str(path), target=str(work / "peer.npy"))
    return Peak(
        name=name,
        original_shape=tuple(answers["paper"]["original_shape"]),
        shape=tuple(answers["paper"]["shape"]),
        bytes_by_preset={preset: answer["peak_bytes"] for preset, answer in answers.items()},
        yucca_bytes=yucca_bytes,
        process_mib=max(answer["process_mib"] for answer in answers.values()),
        asked_mib=max(answer["asked_mib"] for answer in answers.values()),
    )


def memory_table(peaks: Sequence[Peak]) -> dict[str, Any]:
    """Make the table; the last columns set a whole process against what the workflow asks for its job."""
    rows: list[list[Cell]] = [
        [
            peak.name,
            " x ".join(map(str, peak.original_shape)),
            " x ".join(map(str, peak.shape)),
            peak.larger_bytes / _MB,
            *(peak.bytes_by_preset[preset] / _MB for preset in PRESETS),
            *(peak.bytes_by_preset[preset] / peak.larger_bytes for preset in PRESETS),
            peak.yucca_bytes / _MB,
            peak.yucca_bytes / peak.larger_bytes,
            peak.process_mib,
            peak.asked_mib,
        ]
        for peak in peaks
    ]
    return table("Peak memory beside the interpreter, each in a fresh process", _COLUMNS, rows)


def memory_bars(peaks: Sequence[Peak]) -> list[Bar]:
    """Return the bars: the worst multiple of each preset, and that no process takes more than its job asks for."""
    bars = [
        Bar(
            f"`{preset}`: peak memory / larger of input and output as float32, largest",
            max(peak.bytes_by_preset[preset] / peak.larger_bytes for peak in peaks),
            most=_MOST,
        )
        for preset in PRESETS
    ]
    return [*bars, Bar("process / `mem_mb`, largest", max(p.process_mib / p.asked_mib for p in peaks), most=1)]


def _render(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], contrast: str) -> Any:
    x, y, z = (size * step for size, step in zip(shape, spacing_mm, strict=True))
    grid = Grid(spacing_mm=spacing_mm, orientation="RAS", field_of_view_mm=(x, y, z), centre_mm=(0.0, 0.0, 0.0))
    return render(Head(seed=45), grid, contrast)
