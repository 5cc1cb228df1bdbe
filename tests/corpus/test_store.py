"""How a volume lies in a shard: one file, every chunk written and checked, also where it is empty."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import zarr

from brains45k.corpus.store import create_group, data_file, write_volume
from brains45k.volume.volume import Volume


def volume(data: npt.NDArray[np.float32]) -> Volume:
    return Volume(data, np.eye(4), (1.0, 1.0, 1.0), foreground_mean=2.0, foreground_std=3.0)


def ramp(*shape: int) -> npt.NDArray[np.float32]:
    return np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def read(shard: Path) -> npt.NDArray[np.float32]:
    return np.asarray(zarr.open_group(shard, mode="r")["a"])


@pytest.mark.parametrize("shape", [(1, 1, 1), (64, 64, 64), (65, 3, 128), (30, 70, 7)])
def test_a_volume_comes_back_from_its_one_file(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    length = write_volume(create_group(tmp_path / "s.zarr"), "a", volume(ramp(*shape)))
    np.testing.assert_array_equal(read(tmp_path / "s.zarr"), ramp(*shape))
    files = {path for path in (tmp_path / "s.zarr/a").rglob("*") if path.is_file() and path.name != "zarr.json"}
    assert files == {data_file(tmp_path / "s.zarr", "a")}
    assert length == files.pop().stat().st_size


def test_an_array_carries_what_it_needs_to_be_of_use(tmp_path: Path) -> None:
    group = create_group(tmp_path / "s.zarr", source="tiny", build_id="1")
    write_volume(group, "a", volume(ramp(4, 4, 4)))
    assert dict(group.attrs) == {"source": "tiny", "build_id": "1"}
    assert dict(group["a"].attrs) == {
        "volume_id": "a", "spacing_mm": [1, 1, 1], "affine": np.eye(4).tolist(), "mean": 2, "std": 3,
        "clip_value": None, "score_low": None, "score_high": None,
    }  # fmt: skip


def test_an_empty_chunk_is_written_and_checked_like_any_other(tmp_path: Path) -> None:
    data = ramp(65, 8, 8)
    data[64] = 0
    write_volume(create_group(tmp_path / "s.zarr"), "a", volume(data))
    path = data_file(tmp_path / "s.zarr", "a")
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 128]) + content[position + 1 :])
        with pytest.raises((ValueError, RuntimeError)):
            read(tmp_path / "s.zarr")


def test_a_volume_of_zeros_has_a_file(tmp_path: Path) -> None:
    # Zarr would leave it out, and could then not tell it from one that was lost.
    assert write_volume(create_group(tmp_path / "s.zarr"), "a", volume(np.zeros((8, 8, 8), np.float32))) > 0
    assert not read(tmp_path / "s.zarr").any()


def test_the_same_volume_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_volume(create_group(tmp_path / name), "a", volume(ramp(70, 20, 20)))
    for file in ("zarr.json", "a/zarr.json", "a/c/0/0/0"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
