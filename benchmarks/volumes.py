"""The inputs of the benchmarks: synthetic heads at four common geometries, and real volumes where there are any."""

from collections.abc import Iterator
from pathlib import Path

import nibabel
from common import REPOSITORY

from brains45k.demo.phantom import Grid, Head, render

#: Real MRI beside the checkout; benchmarks say so where it is absent.
REAL_VOLUMES = REPOSITORY.parent / "shared" / "volumes"

_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh", ".img")

#: Name: shape, spacing in mm, contrast, skull-stripped, orientation. Heads that are not stripped lie in noisy air.
GEOMETRIES = {
    "ADNI": ((256, 256, 170), (0.94, 0.94, 1.2), "T1w", False, "RAS"),
    "OASIS-3": ((176, 256, 256), (1.0, 1.0, 1.0), "T1w", False, "RAS"),
    "thick FLAIR": ((256, 256, 48), (0.86, 0.86, 3.0), "FLAIR", False, "LPS"),
    "BraTS": ((240, 240, 155), (1.0, 1.0, 1.0), "T1w", True, "LPS"),
}


def write_heads(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write one .nii.gz file per geometry and yield their names and paths."""
    for name, (shape, spacing_mm, contrast, skull_stripped, orientation) in GEOMETRIES.items():
        x, y, z = (size * step for size, step in zip(shape, spacing_mm, strict=True))
        grid = Grid(
            spacing_mm=spacing_mm, orientation=orientation, field_of_view_mm=(x, y, z), centre_mm=(0.0, 0.0, 0.0)
        )
        path = folder / f"{name.replace(' ', '_')}.nii.gz"
        nibabel.save(render(Head(seed=45), grid, contrast, skull_stripped=skull_stripped), path)
        yield name, path


def real_files() -> list[tuple[str, Path]]:
    """Return names and paths of the real volumes; empty where the folder is absent."""
    files = sorted(REAL_VOLUMES.glob("*")) if REAL_VOLUMES.is_dir() else []
    return [(path.name.partition(".")[0], path) for path in files if path.name.endswith(_SUFFIXES)]
