"""How a volume lies in a shard: one Zarr v3 array of 12-bit levels, in one file, every chunk with its checksum.

Zarr's defaults let a flipped bit and a deleted file pass in silence. Here every chunk and the index of the
chunks carry a crc32c, empty chunks are written like any other, and the file's length stands in the manifest.
``docs/storage.md`` has the measurements behind the choice.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brains45k.corpus.chunks import CHUNK_SHAPE, CODEC, CODEC_LEVEL, SCALE, encode, padded
from brains45k.volume.volume import Volume

_CRC = {"name": "crc32c"}
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
_BLOSC = {
    "name": "blosc",
    "configuration": {"typesize": 2, "cname": CODEC, "clevel": CODEC_LEVEL, "shuffle": "shuffle", "blocksize": 0},
}
_SHARDING = {
    "name": "sharding_indexed",
    "configuration": {
        "chunk_shape": list(CHUNK_SHAPE),
        "codecs": [_BYTES, _BLOSC, _CRC],
        "index_codecs": [_BYTES, _CRC],
        "index_location": "end",
    },
}


def create_group(path: Path, **attributes: Any) -> None:
    """Make an empty shard."""
    path.mkdir(parents=True)
    _write_metadata(path, {"zarr_format": 3, "node_type": "group", "attributes": attributes})


def group_attributes(path: Path) -> dict[str, Any]:
    """Return what a shard says of itself.

    Raises
    ------
    OSError, ValueError
        If there is no shard, or it cannot be understood.
    """
    return _read_metadata(path)["attributes"]  # type: ignore[no-any-return]


def write_volume(shard: Path, name: str, volume: Volume) -> int:
    """Store one volume, rounded to 4,096 levels, and return the length of its file in bytes."""
    # The metadata last: an array without voxels would be read as zeros.
    content = encode(volume.data)
    path = data_file(shard, name)
    path.parent.mkdir(parents=True)
    length = path.write_bytes(content)
    _write_metadata(shard / name, array_metadata(volume.shape) | {"attributes": _attributes(name, volume)})
    return length


def data_file(shard: Path, array: str) -> Path:
    """Return the one file that holds an array's voxels."""
    return shard / array / "c" / "0" / "0" / "0"


def array_metadata(shape: Sequence[int]) -> dict[str, Any]:
    """Return what Zarr has to know of an array, which is all that :mod:`brains45k.corpus.chunks` takes for granted.

    One chunk of Zarr's grid is the whole array: it is the file, and holds the chunks that are read one by one.
    """
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(padded(shape))}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [_SHARDING],
        "dimension_names": ["x", "y", "z"],
    }


def require_array(shard: Path, array: str, shape: Sequence[int]) -> None:
    """Refuse an array that is stored in another way or has another shape.

    Raises
    ------
    OSError, ValueError
        With what is wrong.
    """
    found = _read_metadata(shard / array)
    expected = array_metadata(shape)
    if found.get("shape") != expected["shape"]:
        msg = f"shape {found.get('shape')}, the manifest says {expected['shape']}"
        raise ValueError(msg)
    if found | expected != found:
        msg = "stored in another way than this version of brains45k does"
        raise ValueError(msg)


def _attributes(name: str, volume: Volume) -> dict[str, Any]:
    return {
        # The names of the CF conventions.
        "scale_factor": SCALE,
        "add_offset": 0.0,
        "volume_id": name,
        "spacing_mm": list(volume.spacing_mm),
        "affine": volume.affine.tolist(),
        "clip_value": volume.clip_value,
        "mean": volume.foreground_mean,
        "std": volume.foreground_std,
        "score_low": volume.score_low,
        "score_high": volume.score_high,
    }


def _write_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    (folder / "zarr.json").write_text(json.dumps(metadata), encoding="utf-8")


def _read_metadata(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not isinstance(found.get("attributes"), dict):
        msg = f"{folder.name}/zarr.json holds something else"
        raise ValueError(msg)  # noqa: TRY004 - damage of the file, no fault of the caller
    return found
