"""Read the corpus: whole volumes, and patches straight from the shards."""

import operator
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numcodecs.blosc
import numpy as np
import numpy.typing as npt
import zarr

from brains45k.corpus.manifest import Status, metadata_of, read_manifest
from brains45k.corpus.store import data_file
from brains45k.errors import DataError
from brains45k.volume.volume import Volume

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def open_corpus(manifest: str | os.PathLike[str]) -> "Corpus":
    """Open a corpus by its manifest.

    Parameters
    ----------
    manifest : path
        ``manifests/corpus.parquet``, or one source's manifest.

    Raises
    ------
    DataError
        If a shard is missing, of another build, or holds a volume whose file is missing or too short.

    Examples
    --------
    >>> corpus = open_corpus("manifests/corpus.parquet")  # doctest: +SKIP
    >>> corpus[0].data.shape  # doctest: +SKIP
    (135, 178, 153)
    """
    return Corpus(Path(manifest))


class Corpus:
    """The kept volumes of a manifest, in its order.

    A corpus can be handed to workers, forked or spawned: it opens its shards anew in each process. Every chunk
    that is read is checked against its checksum.
    """

    def __init__(self, manifest: Path) -> None:
        self._path = manifest
        table = read_manifest(manifest)
        self._build_id = metadata_of(table).get("build_id", "")
        frame = table.to_pandas()
        self.manifest: pd.DataFrame = frame[frame["status"] == Status.KEPT].reset_index(drop=True)
        self._shards: dict[str, zarr.Group] = {}
        self._pid = os.getpid()
        self._require_shards()

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self.manifest)

    def __getitem__(self, index: int) -> Volume:
        """Return the volume of a row of the manifest."""
        return self._read(self._at(index))

    def __iter__(self) -> Iterator[Volume]:
        """Go through all volumes in order."""
        return (self[index] for index in range(len(self)))

    def __getstate__(self) -> dict[str, object]:
        """Leave open shards behind: another process opens its own."""
        return self.__dict__ | {"_shards": {}}

    def volume(self, volume_id: str) -> Volume:
        """Read one volume.

        Raises
        ------
        KeyError
            If the corpus keeps no volume of this name.
        DataError
            If its bytes are damaged.
        """
        return self._read(self._row(volume_id))

    def patch(self, volume_id: str, start: Sequence[int], size: Sequence[int]) -> npt.NDArray[np.float32]:
        """Read a box of a volume without reading the rest.

        Parameters
        ----------
        volume_id : str
            As in the manifest.
        start, size : sequence of int
            First voxel and number of voxels along x, y, z; the box must lie inside the volume.

        Returns
        -------
        numpy.ndarray
            x, y, z, float32.

        Raises
        ------
        KeyError
            If the corpus keeps no volume of this name.
        IndexError
            If the box leaves the volume.
        DataError
            If the bytes are damaged.
        """
        row = self._row(volume_id)
        pairs = zip(map(operator.index, start), map(operator.index, size), strict=True)
        box = tuple(slice(first, first + length) for first, length in pairs)
        shape = tuple(int(length) for length in row["shape"])
        if any(not 0 <= part.start <= part.stop <= length for part, length in zip(box, shape, strict=True)):
            msg = f"{volume_id}: start {tuple(start)} and size {tuple(size)} leave the shape {shape}"
            raise IndexError(msg)
        return self._voxels(row, box)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.manifest["volume_id"])}

    def _row(self, volume_id: str) -> Row:
        if volume_id not in self._positions:
            msg = f"{volume_id}: the corpus keeps no volume of this name ('brains45k explain' says why)"
            raise KeyError(msg)
        return self._at(self._positions[volume_id])

    def _at(self, index: int) -> Row:
        return {str(key): value for key, value in self.manifest.iloc[index].items()}

    def _read(self, row: Row) -> Volume:
        x, y, z = (float(step) for step in row["spacing"])
        low_x, low_y, low_z = (int(first) for first in row["crop_start"])
        return Volume(
            data=self._voxels(row, (slice(None),) * 3),
            affine=np.asarray(row["affine"], dtype=np.float64).reshape(4, 4),
            spacing_mm=(x, y, z),
            crop_start=(low_x, low_y, low_z),
            clip_value=row["clip_value"],
            foreground_mean=row["mean"],
            foreground_std=row["std"],
            score_low=row["score_low"],
            score_high=row["score_high"],
        )

    def _voxels(self, row: Row, box: tuple[slice, ...]) -> npt.NDArray[np.float32]:
        shard, array = str(row["shard"]), str(row["array"])
        # At each read: Zarr takes a file that vanished since for one full of zeros.
        _require_file(data_file(self._place(shard), array), int(row["stored_bytes"]))
        try:
            stored = self._group(shard)[array]
            if stored.shape != tuple(row["shape"]):  # type: ignore[union-attr]
                msg = f"shape {stored.shape}, the manifest says {tuple(row['shape'])}"  # type: ignore[union-attr]
                raise ValueError(msg)  # noqa: TRY301 - told like any other damage, below
            return np.asarray(stored[box], dtype=np.float32)  # type: ignore[index]
        except (MemoryError, TypeError):
            raise
        except Exception as error:
            # Zarr and its codecs raise what they like on damaged bytes; a user needs the file and the remedy.
            cause = f"{type(error).__name__}: {error}"
            msg = f"{shard}/{array}: damaged ({cause}). Delete {shard} and build the corpus again."
            raise DataError(msg) from error

    def _group(self, shard: str) -> zarr.Group:
        if self._pid != os.getpid():
            self._shards, self._pid = {}, os.getpid()
        if shard not in self._shards:
            # Blosc's own threads do not survive a fork.
            numcodecs.blosc.use_threads = False
            self._shards[shard] = zarr.open_group(self._place(shard), mode="r")
        return self._shards[shard]

    def _place(self, shard: str) -> Path:
        """Find a shard: its path is relative to the folder that holds ``manifests``."""
        return self._path.absolute().parent.parent / shard

    def _require_shards(self) -> None:
        for shard, rows in self.manifest.groupby("shard", sort=False):
            place = self._place(str(shard))
            if not (place / "zarr.json").is_file():
                msg = f"{place}: the shard is missing. Build the corpus again."
                raise DataError(msg)
            found = zarr.open_group(place, mode="r").attrs.get("build_id")
            if found != self._build_id:
                msg = f"{place}: of build {found}, but the manifest is of {self._build_id}. Build the corpus again."
                raise DataError(msg)
            for array, stored_bytes in zip(rows["array"], rows["stored_bytes"], strict=True):
                _require_file(data_file(place, array), int(stored_bytes))


def _require_file(path: Path, expected_bytes: int) -> None:
    """Raise unless a volume's file has its length: Zarr reads a file that is gone as zeros."""
    found = path.stat().st_size if path.is_file() else 0
    if found != expected_bytes:
        remedy = "Delete its shard and build the corpus again."
        msg = f"{path}: {found:,} bytes, the manifest says {expected_bytes:,}. {remedy}"
        raise DataError(msg)
