"""What the preprocessing costs, counted instead of timed: memory by tracemalloc, to which NumPy reports, and products.

The unit of memory is the float32 size of the larger of a step's input and output.
"""

import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import bad_files as bad
from support.volumes import filled, image_of

from brains45k.corpus import memory
from brains45k.corpus.memory import peek
from brains45k.volume.geometry import crop, crop_positive, resample
from brains45k.volume.intensity import find_foreground, normalise
from brains45k.volume.preprocess import PRESETS, Preprocessing, preprocess
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Volume

Shape = tuple[int, int, int]
Triple = tuple[float, float, float]

FLOAT32_BYTES = 4
MARGIN_VOXELS = 6
GEOMETRIES: dict[str, tuple[Shape, Triple]] = {
    "the grid stays": ((128, 144, 112), (1.0, 1.0, 1.0)),
    "thick slices": ((192, 200, 24), (0.9, 0.9, 5.0)),
    "fine voxels": ((176, 180, 110), (0.6, 0.6, 0.7)),
}
# A float64 array of the size of a volume is 2 units: a step that stays below has made none.
STEP_UNITS = {"reorient": 0.9, "nonzero": 0.3, "otsu": 0.4, "normalise": 0.1, "crop": 1.1, "crop_positive": 1.1}


@cache
def head(shape: Shape) -> NDArray[np.float32]:
    """Make a head in margins of zero, with more values than a label map has."""
    inside = bad.head_voxels(tuple(size - 2 * MARGIN_VOXELS for size in shape))
    voxels = np.pad(inside, MARGIN_VOXELS).astype(np.float32)
    voxels.setflags(write=False)
    return voxels


def peak_bytes(call: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a call returns, and the most memory that it held at once besides what was there before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = call()
        return result, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def extra_units(step: Callable[[], Volume], given_voxels: int) -> float:
    step()  # Matrices and imports of the first call stay for good.
    result, peak = peak_bytes(step)
    return float(peak / (FLOAT32_BYTES * max(given_voxels, result.data.size)))


def write(folder: Path, dtype: str, geometry: str, **fields: Any) -> Path:
    shape, spacing_mm = GEOMETRIES[geometry]
    voxels = (head(shape) / 8 if dtype == "uint8" else head(shape)).astype(dtype)
    data, affine = bad.oriented(voxels, np.diag([*spacing_mm, 1.0]), "LPS")
    path = folder / "head.nii"
    path.write_bytes(bad.nifti(data, affine=affine, **fields))
    return path


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(
    ("dtype", "units"), [("uint8", 2.5), ("int16", 2.5), ("float32", 2.5), ("float64", 3.2), ("int32", 2.5)]
)
def test_the_peak_from_a_path_to_a_volume(dtype: str, units: float, geometry: str, preset: str, tmp_path: Path) -> None:
    path = write(tmp_path, dtype, geometry)
    found = extra_units(lambda: preprocess(path, Preprocessing(preset=preset)), math.prod(GEOMETRIES[geometry][0]))
    assert found <= units <= 4


SCALED = [
    ("int16", 2.0, 2.5),
    ("int16", -1.0, 2.6),
    ("float32", -1.0, 3.2),
    # Scaled in float64, because float32 cannot hold what is stored: slice by slice.
    ("int32", 2.0, 2.5),
    ("float64", 2.0, 3.2),
]


@pytest.mark.parametrize(("dtype", "slope", "units"), SCALED)
def test_the_peak_of_scaled_intensities(dtype: str, slope: float, units: float, tmp_path: Path) -> None:
    path = write(tmp_path, dtype, "the grid stays", scl_slope=slope, scl_inter=64)
    assert extra_units(lambda: preprocess(path), math.prod(GEOMETRIES["the grid stays"][0])) <= units


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_the_peak_is_within_what_the_header_tells(dtype: str, geometry: str, preset: str, tmp_path: Path) -> None:
    path = write(tmp_path, dtype, geometry)
    extent = peek(path)
    assert extent is not None
    preprocess(path, Preprocessing(preset=preset))
    _, found = peak_bytes(lambda: preprocess(path, Preprocessing(preset=preset)))
    # Buffers of a fixed size come on top, which the interpreter's share leaves room for.
    assert found <= memory.peak_bytes(extent, file_bytes=0, spacing_mm=1.0) + (1 << 20)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA"])
@pytest.mark.parametrize("dtype", ["uint8", "<i2", ">i2", "float32"])
def test_the_peak_of_reorienting(codes: str, dtype: str) -> None:
    voxels, affine = bad.oriented(head((128, 144, 112)), np.eye(4), codes)
    image = image_of(np.asarray(voxels / 8, dtype, order="F"), affine, slope=2.0)
    assert extra_units(lambda: reorient(image), image.intensities.stored.size) <= STEP_UNITS["reorient"]


def steps(volume: Volume) -> dict[str, Callable[[], Volume]]:
    marked = replace(volume, foreground=volume.data != volume.background)
    return {
        "nonzero": partial(find_foreground, volume, method="nonzero"),
        "otsu": partial(find_foreground, volume, method="otsu"),
        "normalise": partial(normalise, marked, clip_percentile=99),
        "crop": partial(crop, marked),
        "crop_positive": partial(crop_positive, volume),
    }


@pytest.mark.parametrize("trimmed", [True, False])
@pytest.mark.parametrize("name", ["nonzero", "otsu", "normalise", "crop", "crop_positive"])
def test_the_peak_of_a_step(name: str, trimmed: bool) -> None:
    volume = reorient(image_of(head((128, 144, 112))))
    step = steps(volume if trimmed else filled(volume))[name]
    assert extra_units(step, volume.data.size) <= STEP_UNITS[name]


@pytest.mark.parametrize(("lowest", "units"), [(0.0, 1.5), (-50.0, 1.9)])
@pytest.mark.parametrize("geometry", ["thick slices", "fine voxels"])
def test_the_peak_of_resampling(geometry: str, lowest: float, units: float) -> None:
    # A background other than zero is subtracted from a copy.
    shape, spacing_mm = GEOMETRIES[geometry]
    volume = reorient(image_of(head(shape) + np.float32(lowest), np.diag([*spacing_mm, 1.0])))
    volume = replace(volume, foreground=volume.data != volume.background)
    assert extra_units(lambda: resample(volume, spacing_mm=1), volume.data.size) <= units


class Products:
    """Counts multiplications in matrix products, and passes them on."""

    def __init__(self, matmul: Callable[..., Any]) -> None:
        self.matmul = matmul
        self.multiplications = 0
        self.dtypes: set[str] = set()

    def __call__(self, first: NDArray[Any], second: NDArray[Any], **keywords: Any) -> NDArray[Any]:
        self.multiplications += first.size * second.shape[-1]
        self.dtypes |= {first.dtype.name, second.dtype.name}
        return np.asarray(self.matmul(first, second, **keywords))


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Products:
    counter = Products(np.matmul)
    monkeypatch.setattr(np, "matmul", counter)
    return counter


def multiplications(products: Products, volume: Volume) -> int:
    products.multiplications = 0
    resample(volume, spacing_mm=1)
    return products.multiplications


def test_nothing_is_multiplied_where_the_grid_stays(products: Products) -> None:
    assert multiplications(products, reorient(image_of(head((128, 144, 112))))) == 0


@pytest.mark.parametrize(("geometry", "per_voxel"), [("thick slices", 45), ("fine voxels", 66)])
def test_multiplications_per_voxel_are_few_and_in_float32(geometry: str, per_voxel: float, products: Products) -> None:
    shape, spacing_mm = GEOMETRIES[geometry]
    volume = filled(reorient(image_of(head(shape), np.diag([*spacing_mm, 1.0]))))
    larger = max(volume.data.size, resample(volume, spacing_mm=1).data.size)
    assert 0 < multiplications(products, volume) <= per_voxel * larger
    assert products.dtypes == {"float32"}


@pytest.mark.parametrize("geometry", ["thick slices", "fine voxels"])
def test_background_around_a_head_costs_no_multiplications(geometry: str, products: Products) -> None:
    shape, spacing_mm = GEOMETRIES[geometry]
    affine = np.diag([*spacing_mm, 1.0])
    tight, wide = (reorient(image_of(np.pad(head(shape), size), affine)) for size in (0, 25))
    # What a block of rows reads beside its band differs a little with where the head lies in the field.
    assert multiplications(products, wide) <= 1.05 * multiplications(products, tight)
    assert multiplications(products, wide) < 0.5 * multiplications(products, filled(wide))
