"""Read the corpus: whole volumes, and patches straight from the shards."""

import operator
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from brains45k.corpus.manifest import Status, metadata_of, read_manifest
from brains45k.corpus.patches import Index, read_boxes, read_index
from brains45k.corpus.store import data_file, group_attributes, require_array
from brains45k.errors import DataError
from brains45k.volume.box import Box
from brains45k.volume.volume import Shape, Volume

if TYPE_CHECKING:
    import pandas as pd

# Of this many volumes it is remembered where their chunks lie: a few MB, and training goes round all volumes anyway.
_MAX_INDICES = 4096
_DTYPES = (np.dtype(np.float32), np.dtype(np.uint16))


def open_corpus(manifest: str | os.PathLike[str]) -> "Corpus":
    """Open a corpus by its manifest.

    Blosc's own threads are switched off for the whole process, because they do not survive a fork.

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

    A corpus can be handed to workers, forked or spawned, and used by threads: it keeps no file open and has no
    thread of its own. Every chunk that is read is checked against its checksum.
    """

    def __init__(self, manifest: Path) -> None:
        # Shard paths are relative to the folder that holds ``manifests``.
        self._folder = manifest.absolute().parent.parent
        table = read_manifest(manifest)
        self._build_id = metadata_of(table).get("build_id", "")
        frame = table.to_pandas()
        self.manifest: pd.DataFrame = frame[frame["status"] == Status.KEPT].reset_index(drop=True)
        self._numbers = {name: number for number, name in enumerate(self.manifest["volume_id"])}
        self._shapes = [tuple(map(int, shape)) for shape in self.manifest["shape"]]
        self._places = list(zip(self.manifest["shard"], self.manifest["array"], strict=True))
        self._stored_bytes = self.manifest["stored_bytes"].astype(int).tolist()
        self._indices: OrderedDict[int, Index] = OrderedDict()
        self._require_shards()

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self.manifest)

    def __getitem__(self, index: int) -> Volume:
        """Return the volume of a row of the manifest."""
        row = self.manifest.iloc[index]
        number = range(len(self))[index]
        x, y, z = (float(step) for step in row["spacing"])
        low_x, low_y, low_z = (int(first) for first in row["crop_start"])
        shape = self._shapes[number]
        return Volume(
            data=self.patches(row["volume_id"], [(0, 0, 0)], shape)[0],
            affine=np.asarray(row["affine"], dtype=np.float64).reshape(4, 4),
            spacing_mm=(x, y, z),
            crop_start=(low_x, low_y, low_z),
            clip_value=row["clip_value"],
            foreground_mean=row["mean"],
            foreground_std=row["std"],
            score_low=row["score_low"],
            score_high=row["score_high"],
        )

    def __iter__(self) -> Iterator[Volume]:
        """Go through all volumes in order."""
        return (self[index] for index in range(len(self)))

    def __getstate__(self) -> dict[str, object]:
        """Leave behind what each process remembers for itself."""
        return self.__dict__ | {"_indices": OrderedDict()}

    def volume(self, volume_id: str) -> Volume:
        """Read one volume.

        Raises
        ------
        KeyError
            If the corpus keeps no volume of this name.
        DataError
            If its bytes are damaged.
        """
        return self[self._number(volume_id)]

    def patch(
        self, volume_id: str, start: Sequence[int], size: Sequence[int], *, dtype: npt.DTypeLike = np.float32
    ) -> npt.NDArray[Any]:
        """Read a box of a volume without reading the rest.

        Parameters
        ----------
        volume_id : str
            As in the manifest.
        start, size : sequence of int
            First voxel and number of voxels along x, y, z; the box must lie inside the volume.
        dtype : {float32, uint16}
            float32 gives 0 to 1. uint16 gives the stored levels, 0 to 4,095: half the bytes to pass on to a
            device, which divides by 4,095 itself.

        Returns
        -------
        numpy.ndarray
            x, y, z.

        Raises
        ------
        KeyError
            If the corpus keeps no volume of this name.
        IndexError
            If the box leaves the volume.
        DataError
            If the bytes are damaged.
        """
        patch: npt.NDArray[Any] = self.patches(volume_id, [start], size, dtype=dtype)[0]
        return patch

    def patches(
        self,
        volume_id: str,
        starts: Sequence[Sequence[int]],
        size: Sequence[int],
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> npt.NDArray[Any]:
        """Read several boxes of one volume; a chunk that they share is read once.

        Parameters are those of :meth:`patch`, with one start for each box; so are the errors.

        Returns
        -------
        numpy.ndarray
            box, x, y, z.
        """
        _require_dtype(np.dtype(dtype))
        number = self._number(volume_id)
        boxes = [self._box(number, start, size) for start in starts]
        out = np.empty((len(boxes), *size), dtype)
        self._read(number, boxes, list(out))
        return out

    def shape(self, index: int) -> Shape:
        """Return the shape of the volume of a row of the manifest: x, y, z in voxels."""
        x, y, z = self._shapes[index]
        return x, y, z

    def read_into(self, index: int, start: Sequence[int], out: npt.NDArray[Any]) -> None:
        """Read a box of a volume into memory that is there already.

        Parameters
        ----------
        index : int
            Row of the manifest.
        start : sequence of int
            First voxel along x, y, z.
        out : numpy.ndarray
            x, y, z, a view of any strides; its shape is the box's, its type is read as :meth:`patch` reads it.

        Raises
        ------
        IndexError
            If there is no such row, or the box leaves the volume.
        DataError
            If the bytes are damaged.
        """
        _require_dtype(out.dtype)
        number = range(len(self))[index]
        self._read(number, [self._box(number, start, out.shape)], [out])

    def _number(self, volume_id: str) -> int:
        if volume_id not in self._numbers:
            msg = f"{volume_id}: the corpus keeps no volume of this name ('brains45k explain' says why)"
            raise KeyError(msg)
        return self._numbers[volume_id]

    def _box(self, number: int, start: Sequence[int], size: Sequence[int]) -> Box:
        pairs = zip(map(operator.index, start), map(operator.index, size), self._shapes[number], strict=True)
        parts = [(slice(first, first + length), whole) for first, length, whole in pairs]
        if any(not 0 <= part.start <= part.stop <= whole for part, whole in parts):
            name = self._places[number][1]
            msg = f"{name}: start {tuple(start)} and size {tuple(size)} leave the shape {self._shapes[number]}"
            raise IndexError(msg)
        (x, _), (y, _), (z, _) = parts
        return x, y, z

    def _read(self, number: int, boxes: Sequence[Box], out: Sequence[npt.NDArray[Any]]) -> None:
        shard, array = self._places[number]
        path = data_file(self._folder / shard, array)
        try:
            file = os.open(path, os.O_RDONLY)
            try:
                _require_length(path, os.fstat(file).st_size, self._stored_bytes[number])
                read_boxes(file, self._index(number, file), boxes, out)
            finally:
                os.close(file)
        except (FileNotFoundError, ValueError) as error:
            msg = f"{shard}/{array}: damaged ({error}). Delete {shard} and build the corpus again."
            raise DataError(msg) from error
        except OSError as error:
            # Too many open files, a disk that does not answer: the shard may well be whole.
            msg = f"{shard}/{array}: cannot be read now ({error.strerror or error})."
            raise DataError(msg) from error

    def _index(self, number: int, file: int) -> Index:
        index = self._indices.get(number)
        if index is None:
            shard, array = self._places[number]
            require_array(self._folder / shard, array, self._shapes[number])
            index = read_index(file, self._shapes[number], self._stored_bytes[number])
            if len(self._indices) >= _MAX_INDICES:
                self._indices.popitem(last=False)
            self._indices[number] = index
        return index

    def _require_shards(self) -> None:
        for shard, rows in self.manifest.groupby("shard", sort=False):
            place = self._folder / str(shard)
            try:
                found = group_attributes(place).get("build_id")
            except FileNotFoundError:
                msg = f"{place}: the shard is missing. Build the corpus again."
                raise DataError(msg) from None
            except (OSError, ValueError) as error:
                msg = f"{place}: damaged ({error}). Delete it and build the corpus again."
                raise DataError(msg) from error
            if found != self._build_id:
                msg = f"{place}: of build {found}, but the manifest is of {self._build_id}. Build the corpus again."
                raise DataError(msg)
            for array, stored_bytes in zip(rows["array"], rows["stored_bytes"], strict=True):
                path = data_file(place, array)
                _require_length(path, path.stat().st_size if path.is_file() else 0, int(stored_bytes))


def _require_dtype(dtype: np.dtype[Any]) -> None:
    if dtype not in _DTYPES:
        msg = f"{dtype}: patches are read as float32 or uint16"
        raise ValueError(msg)


def _require_length(path: Path, found_bytes: int, expected_bytes: int) -> None:
    """Raise unless a volume's file has the length that it was written with."""
    if found_bytes != expected_bytes:
        remedy = "Delete its shard and build the corpus again."
        msg = f"{path}: {found_bytes:,} bytes, the manifest says {expected_bytes:,}. {remedy}"
        raise DataError(msg)
