"""Start workers by the thousand, each kind, after the parent has read: none may hang; and read for long in one.

    python benchmarks/workers/bench.py --peer-python PATH --out FILE.json [--quick]

There is no peer: what is shown is that nothing goes wrong. Exit codes: 0 every bar was met, 1 one was missed.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from common import Bar, parse_call, table, versions_of, write_result
from corpora import MANIFEST_PATH, write_corpus

import brains45k
from brains45k.corpus.reader import Corpus

KINDS = ("fork", "forkserver", "spawn")
STARTS, QUICK_STARTS = 1000, 6
PATCHES, QUICK_PATCHES = 20_000, 500
AT_ONCE = 2
TIMEOUT_S = 60
SIZE = (96, 96, 96)
_MIB = 1 << 20


def main() -> int:
    """Start the workers, read the patches, and return the exit code."""
    call = parse_call(__doc__)
    starts, patches = (QUICK_STARTS, QUICK_PATCHES) if call.quick else (STARTS, PATCHES)
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder), {f"volume{number}": _noise(number) for number in range(6)})
        corpus = brains45k.open_corpus(Path(folder) / MANIFEST_PATH)
        # The parent reads first: what it holds then is what a fork inherits.
        expected = _read(corpus, 0)
        answered = {kind: _start_many(corpus, kind, starts, expected) for kind in KINDS}
        growth_mib, files = _read_for_long(corpus, patches)
    rows = [(kind, starts, right, starts - right, seconds / starts) for kind, (right, seconds) in answered.items()]
    bars = [Bar(f"{kind}: workers without the right answer", starts - answered[kind][0], most=0) for kind in KINDS]
    bars += [
        Bar("growth of one process's memory, MiB", growth_mib, most=8),
        Bar("files left open", files, most=0),
    ]
    return write_result(
        call.out,
        benchmark="workers",
        title="Workers",
        text=(
            f"A corpus is read in the parent and handed to workers, {AT_ONCE} at once, each of which reads a patch of "
            f"96^3 and sends its sum; one that takes more than {TIMEOUT_S} s hangs. Then one process reads "
            f"{patches:,} patches of 96^3 of six volumes, remembering no more than two of them, with two threads."
        ),
        versions=versions_of("numcodecs", "numpy"),
        tables=[table("Starts of workers", ("kind", "starts", "right answers", "hung or wrong", "seconds each"), rows)],
        bars=bars,
        raw={"answered": answered, "memory_growth_mib": growth_mib, "files_left_open": files},
    )


def _noise(seed: int) -> Any:
    return np.random.default_rng(seed).random((150, 170, 140), np.float32) ** 2


def _read(corpus: Corpus, number: int) -> float:
    name = corpus.manifest["volume_id"][number % len(corpus)]
    return float(corpus.patch(name, (number % 50, 20, 30), SIZE).sum(dtype=np.float64))


def _answer(sender: Connection, corpus: Corpus) -> None:
    sender.send(_read(corpus, 0))
    sender.close()


def _start_many(corpus: Corpus, kind: str, starts: int, expected: float) -> tuple[int, float]:
    """Return how many workers gave the right answer in time, and the wall seconds of all."""
    begin = time.perf_counter()
    right = 0
    for _ in range(0, starts, AT_ONCE):
        workers = [_start(corpus, kind) for _ in range(AT_ONCE)]
        for worker, receiver in workers:
            right += receiver.poll(TIMEOUT_S) and receiver.recv() == expected
            worker.kill()
            worker.join()
            receiver.close()
    return right, time.perf_counter() - begin


def _start(corpus: Corpus, kind: str) -> tuple[Any, Connection]:
    context = multiprocessing.get_context(kind)
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_answer, args=(sender, corpus))  # type: ignore[attr-defined]
    worker.start()
    sender.close()
    return worker, receiver


def _read_for_long(corpus: Corpus, patches: int) -> tuple[float, int]:
    """Return by how many MiB memory grew after the first tenth of the patches, and how many files stayed open."""
    brains45k.corpus.reader._MAX_INDICES = 2
    files_before = len(list(Path("/proc/self/fd").iterdir()))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: _read(corpus, number), range(patches // 10)))
        before = _peak_mib()
        list(pool.map(lambda number: _read(corpus, number), range(patches)))
    return _peak_mib() - before, len(list(Path("/proc/self/fd").iterdir())) - files_before


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB


if __name__ == "__main__":
    sys.exit(main())
