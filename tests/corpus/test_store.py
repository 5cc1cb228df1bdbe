"""How a volume lies in a shard: one file of Zarr's own format, every chunk written and checked, empty ones too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from support.levels import as_stored
from zarr.codecs import BloscCodec, Crc32cCodec

from brains45k.corpus.store import (
    array_metadata,
    create_group,
    data_file,
    group_attributes,
    require_array,
    write_volume,
)
from brains45k.volume.volume import Volume

SHAPES = [(1, 1, 1), (64, 64, 64), (65, 3, 128), (30, 70, 7)]


def volume(data: npt.NDArray[np.float32]) -> Volume:
    return Volume(data, np.eye(4), (1.0, 1.0, 1.0), foreground_mean=2.0, foreground_std=3.0)


def ramp(*shape: int) -> npt.NDArray[np.float32]:
    return np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def store(shard: Path, data: npt.NDArray[np.float32]) -> int:
    create_group(shard, source="tiny", build_id="1")
    return write_volume(shard, "a", volume(data))


def array_of(shard: Path) -> zarr.Array[Any]:
    array = zarr.open_group(shard, mode="r")["a"]
    assert isinstance(array, zarr.Array)
    return array


def read(shard: Path) -> npt.NDArray[np.float32]:
    return np.asarray(array_of(shard)).astype(np.float32) * np.float32(1 / 4095)


def metadata(shard: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shard / "a/zarr.json").read_text())
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_zarr_reads_a_volume_from_its_one_file(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    length = store(tmp_path / "s.zarr", ramp(*shape))
    np.testing.assert_array_equal(read(tmp_path / "s.zarr"), as_stored(ramp(*shape)))
    files = {path for path in (tmp_path / "s.zarr/a").rglob("*") if path.is_file() and path.name != "zarr.json"}
    assert files == {data_file(tmp_path / "s.zarr", "a")}
    assert length == files.pop().stat().st_size


def test_storing_errs_by_half_a_level_at_most(tmp_path: Path) -> None:
    data = np.random.default_rng(4).random((70, 20, 20), np.float32)
    data.flat[:2] = 0, 1
    store(tmp_path / "s.zarr", data)
    found = read(tmp_path / "s.zarr")
    assert np.abs(found - data).max() <= 0.501 / 4095
    assert found.flat[0] == 0
    assert found.flat[1] == 1
    assert -10 * np.log10(np.mean((found - data.astype(np.float64)) ** 2)) >= 82


@pytest.mark.parametrize("shape", SHAPES)
def test_the_metadata_are_what_zarr_itself_writes(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    store(tmp_path / "ours.zarr", ramp(*shape))
    zarr.create_group(tmp_path / "zarrs.zarr", attributes={"source": "tiny", "build_id": "1"}).create_array(
        "a",
        shape=shape,
        chunks=(32, 64, 64),
        shards=tuple(-(-size // side) * side for size, side in zip(shape, (32, 64, 64), strict=True)),
        dtype="uint16",
        fill_value=0,
        compressors=[BloscCodec(typesize=2, cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec()],
        dimension_names=["x", "y", "z"],
    )
    optional = {"attributes": None, "storage_transformers": None}
    assert metadata(tmp_path / "ours.zarr") | optional == metadata(tmp_path / "zarrs.zarr") | optional
    group = json.loads((tmp_path / "zarrs.zarr/zarr.json").read_text())
    assert json.loads((tmp_path / "ours.zarr/zarr.json").read_text()) == group


def test_an_array_carries_what_it_needs_to_be_of_use(tmp_path: Path) -> None:
    store(tmp_path / "s.zarr", ramp(4, 4, 4))
    assert dict(zarr.open_group(tmp_path / "s.zarr", mode="r").attrs) == {"source": "tiny", "build_id": "1"}
    assert dict(array_of(tmp_path / "s.zarr").attrs) == {
        "volume_id": "a", "spacing_mm": [1, 1, 1], "affine": np.eye(4).tolist(), "mean": 2, "std": 3,
        "clip_value": None, "score_low": None, "score_high": None, "scale_factor": 1 / 4095, "add_offset": 0,
    }  # fmt: skip
    assert group_attributes(tmp_path / "s.zarr") == {"source": "tiny", "build_id": "1"}


def test_zarr_finds_any_flipped_bit(tmp_path: Path) -> None:
    data = ramp(65, 8, 8)
    data[64] = 0
    store(tmp_path / "s.zarr", data)
    path = data_file(tmp_path / "s.zarr", "a")
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 128]) + content[position + 1 :])
        with pytest.raises((ValueError, RuntimeError)):
            read(tmp_path / "s.zarr")


def test_a_volume_of_zeros_has_a_file(tmp_path: Path) -> None:
    # Zarr would leave it out, and could then not tell it from one that was lost.
    assert store(tmp_path / "s.zarr", np.zeros((8, 8, 8), np.float32)) > 0
    assert not read(tmp_path / "s.zarr").any()


def test_the_same_volume_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        store(tmp_path / name, ramp(70, 20, 20))
    for file in ("zarr.json", "a/zarr.json", "a/c/0/0/0"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_array_stored_in_another_way_is_refused(tmp_path: Path) -> None:
    store(tmp_path / "s.zarr", ramp(4, 4, 4))
    require_array(tmp_path / "s.zarr", "a", (4, 4, 4))
    with pytest.raises(ValueError, match=r"shape \[4, 4, 4\], the manifest says \[4, 4, 5\]"):
        require_array(tmp_path / "s.zarr", "a", (4, 4, 5))
    (tmp_path / "s.zarr/a/zarr.json").write_text(
        json.dumps(array_metadata((4, 4, 4)) | {"data_type": "float32", "attributes": {}})
    )
    with pytest.raises(ValueError, match="another way"):
        require_array(tmp_path / "s.zarr", "a", (4, 4, 4))
