"""Corpora for the benchmarks: one shard of given voxels, and the few columns of a manifest that the reader needs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brains45k.corpus.manifest import MANIFEST, Status, write_table
from brains45k.corpus.store import create_group, write_volume
from brains45k.volume.volume import Volume

#: Relative to the folder of the corpus.
MANIFEST_PATH = "manifests/corpus.parquet"
SHARD = "data/corpus/bench/bench-0000.zarr"

_BUILD = {"build_id": "benchmark"}


def write_corpus(folder: Path, volumes: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Write a corpus of volumes (x, y, z, float32, in [0, 1]) by the code that the workflow stores volumes with."""
    create_group(folder / SHARD, **_BUILD)
    rows = []
    for name, voxels in volumes.items():
        volume = Volume(data=voxels, affine=np.eye(4), spacing_mm=(1.0, 1.0, 1.0))
        rows.append(_row(name, volume, stored_bytes=write_volume(folder / SHARD, name, volume)))
    (folder / MANIFEST_PATH).parent.mkdir()
    write_table(rows, MANIFEST, folder / MANIFEST_PATH, metadata=_BUILD)


def _row(name: str, volume: Volume, *, stored_bytes: int) -> dict[str, object]:
    return {field.name: None for field in MANIFEST} | {
        "volume_id": name,
        "source": "bench",
        "source_path": name,
        "source_bytes": 0,
        "source_format": "nifti",
        "status": Status.KEPT.value,
        "reference_selected": True,
        "clean_selected": True,
        "shape": list(volume.shape),
        "spacing": list(volume.spacing_mm),
        "affine": volume.affine.ravel().tolist(),
        "crop_start": list(volume.crop_start),
        "shard": SHARD,
        "array": name,
        "stored_bytes": stored_bytes,
        "licence": "none",
    }
