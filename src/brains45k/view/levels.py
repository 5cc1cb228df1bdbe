"""Read the stored levels of one volume, whatever has become of the other shards of the corpus."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from brains45k.corpus.patches import read_boxes, read_index
from brains45k.corpus.store import data_file, group_attributes, require_array
from brains45k.errors import DataError

Levels = npt.NDArray[np.uint16]


def read_levels(folder: Path, row: Mapping[str, Any], *, build_id: str) -> Levels:
    """Read a kept volume as it is stored; every chunk is checked against its checksum.

    Parameters
    ----------
    folder : Path
        The folder that holds ``manifests``.
    row : mapping
        The volume's row of the manifest.
    build_id : str
        Of the manifest.

    Returns
    -------
    numpy.ndarray
        x, y, z, uint16, 0 to 4,095, with x fastest in memory.

    Raises
    ------
    DataError
        If the shard is missing, damaged or of another build.
    """
    place = f"{row['shard']}/{row['array']}"
    try:
        return _read(folder / row["shard"], row, build_id)
    except FileNotFoundError as error:
        msg = f"{place}: a file of the shard is missing. Build the corpus again."
        raise DataError(msg) from error
    except ValueError as error:
        msg = f"{place}: damaged ({error}). Delete {row['shard']} and build the corpus again."
        raise DataError(msg) from error
    except OSError as error:
        msg = f"{place}: cannot be read now ({error.strerror or error})."
        raise DataError(msg) from error


def _read(shard: Path, row: Mapping[str, Any], build_id: str) -> Levels:
    shape, stored_bytes = tuple(row["shape"]), row["stored_bytes"]
    found = group_attributes(shard).get("build_id")
    if found != build_id:
        msg = f"of build {found}, but the manifest is of {build_id}"
        raise ValueError(msg)
    require_array(shard, row["array"], shape)
    # NIfTI's order, so that the voxels go out as they lie in memory.
    levels = np.empty(shape, np.uint16, order="F")
    with data_file(shard, row["array"]).open("rb") as file:
        found_bytes = os.fstat(file.fileno()).st_size
        if found_bytes != stored_bytes:
            msg = f"{found_bytes:,} bytes, the manifest says {stored_bytes:,}"
            raise ValueError(msg)
        x, y, z = (slice(0, size) for size in shape)
        read_boxes(file.fileno(), read_index(file.fileno(), shape, stored_bytes), [(x, y, z)], [levels])
    return levels
