"""How a volume lies in a shard: one Zarr v3 array, sharded into one file, every chunk with its checksum.

Zarr's defaults let a flipped bit and a deleted file pass in silence. Here every chunk and the index of the
chunks carry a crc32c, empty chunks are written like any other, and the file's length stands in the manifest.
"""

from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from brains45k.volume.volume import Volume

_CHUNK_VOXELS = 64


def create_group(path: Path, **attributes: Any) -> zarr.Group:
    """Make an empty shard."""
    return zarr.create_group(path, attributes=attributes)


def write_volume(group: zarr.Group, name: str, volume: Volume) -> int:
    """Store one volume and return the length of its file in bytes."""
    shard = tuple(-(-size // _CHUNK_VOXELS) * _CHUNK_VOXELS for size in volume.shape)
    array = group.create_array(
        name,
        shape=volume.shape,
        chunks=(_CHUNK_VOXELS,) * 3,
        shards=shard,
        dtype="float32",
        fill_value=0.0,
        compressors=[BloscCodec(cname="zstd", clevel=1, shuffle="shuffle"), Crc32cCodec()],
        dimension_names=["x", "y", "z"],
        config={"write_empty_chunks": True},
        attributes={
            "volume_id": name,
            "spacing_mm": list(volume.spacing_mm),
            "affine": volume.affine.tolist(),
            "clip_value": volume.clip_value,
            "mean": volume.foreground_mean,
            "std": volume.foreground_std,
            "score_low": volume.score_low,
            "score_high": volume.score_high,
        },
    )
    array[...] = volume.data
    return data_file(Path(group.store.root), name).stat().st_size  # type: ignore[attr-defined]


def data_file(shard: Path, array: str) -> Path:
    """Return the one file that holds an array's voxels."""
    return shard / array / "c" / "0" / "0" / "0"
