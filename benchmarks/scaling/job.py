"""A shard's work, and the plain kernel, in a process of its own; answers bench.py."""

import io
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from common import serve
from numcodecs import blosc
from preprocessing import shards
from preprocessing.footprint import status_of
from scaling.corpus import CONFIG

from brains45k.corpus.memory import keep_freed_memory
from brains45k.volume import Preprocessing, read_image
from brains45k.volume.preprocess import preprocess_oriented
from brains45k.volume.reorient import reorient


class ThreadCounter(io.StringIO):
    """A log that counts this process's threads at each of its lines: one per volume."""

    most = 0

    def write(self, text: str) -> int:
        """Count, and forget the line."""
        self.most = max(self.most, status_of("Threads"))
        return len(text)


def write(workdir: str, bucket: int, *, limited: bool) -> dict[str, Any]:
    """Write one shard of the corpus; without limits, BLAS and blosc take all the threads that they find."""
    settings = shards.plan(Path(workdir), load_config(Path(workdir)))
    counter = ThreadCounter()
    with nullcontext() if limited else _unlimited():
        wall, cpu, main = time.perf_counter(), time.process_time(), time.thread_time()
        rows = shards.write(Path(workdir), settings, bucket, log=counter)
        wall, cpu, main = time.perf_counter() - wall, time.process_time() - cpu, time.thread_time() - main
    shards.require_kept(rows)
    return {"wall_seconds": wall, "cpu_seconds": cpu, "other_threads_seconds": cpu - main, "threads": counter.most}


def compute(source: str, repeats: int) -> float:
    """Preprocess one image again and again, in memory alone; return the wall seconds of one."""
    keep_freed_memory()
    image = read_image(Path(source))
    start = time.perf_counter()
    for _ in range(repeats):
        preprocess_oriented(reorient(image), Preprocessing())
    return (time.perf_counter() - start) / repeats


def load_config(workdir: Path) -> dict[str, Any]:
    """Read the config of the corpus."""
    document: dict[str, Any] = yaml.safe_load((workdir / CONFIG).read_text(encoding="utf-8"))
    return document


@contextmanager
def _unlimited() -> Iterator[None]:
    # The package has a function of the module's name, so that the module is not to be had by an import.
    module = sys.modules["brains45k.volume.preprocess"]
    with ExitStack() as stack:
        stack.enter_context(patch.object(module, "single_blas_thread", nullcontext))
        stack.enter_context(patch.object(blosc, "use_threads", new=True))
        yield


if __name__ == "__main__":
    serve({"write": write, "compute": compute})
