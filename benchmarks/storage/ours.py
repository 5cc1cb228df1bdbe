"""Our storage and our reader, behind the interface of the measurements."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import cpu_seconds, median_ratio
from corpora import MANIFEST_PATH, write_corpus
from measure import Start, Voxels

import brains45k


class Ours:
    """One shard of a corpus, and the corpus's own reader."""

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Write the shard and its manifest."""
        write_corpus(folder, volumes)

    def open(self, folder: Path) -> "OurReader":
        """Open the corpus."""
        return OurReader(folder)


class OurReader:
    """The corpus's own reader, asked for one float32 patch at a time."""

    def __init__(self, folder: Path) -> None:
        self.corpus = brains45k.open_corpus(folder / MANIFEST_PATH)

    def patch(self, name: str, start: Start, size: Start) -> npt.NDArray[Any]:
        """Read a box."""
        return self.corpus.patch(name, start, size)


class LevelsReader(OurReader):
    """Asked for the stored levels, which a device turns into voxels."""

    def patch(self, name: str, start: Start, size: Start) -> npt.NDArray[Any]:
        """Read a box as uint16."""
        return self.corpus.patch(name, start, size, dtype=np.uint16)


class ForgetfulReader(OurReader):
    """Asked as if each patch were the first of its volume: nothing is remembered of where its chunks lie."""

    def patch(self, name: str, start: Start, size: Start) -> npt.NDArray[Any]:
        """Read a box."""
        # A copy, like the copy that a worker gets, starts without memory.
        return copy(self.corpus).patch(name, start, size)


def time_together(folder: Path, boxes: Mapping[str, Sequence[Start]], size: Start) -> float:
    """Return the CPU seconds of several patches of a volume one by one, over those of all at once."""
    corpus = OurReader(folder).corpus

    def one_by_one() -> None:
        for name, starts in boxes.items():
            for start in starts:
                corpus.patch(name, start, size)

    def together() -> None:
        for name, starts in boxes.items():
            corpus.patches(name, starts, size)

    for warm in (one_by_one, together):
        warm()
    return median_ratio(cpu_seconds(one_by_one, repeats=3), cpu_seconds(together, repeats=3))
