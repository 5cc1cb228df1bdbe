"""Progress over a whole run, volume by volume, while Snakemake counts shards.

Each shard's job appends one line per volume to its log; a thread of the main process follows the logs. That
works wherever the jobs run, also on a cluster, as long as it shares the folder.
"""

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from brains45k.corpus.plan import read_plan

_INTERVAL_S = 0.5
# Where nobody watches a terminal, a line now and then is enough.
_PLAIN_INTERVAL_S = 15.0


def open_bar(description: str, *, unit: str, total: int | None = None, done: int = 0) -> "tqdm[NoReturn]":
    """Open a progress bar that also reads well where its lines go into a file."""
    bar = tqdm(desc=description, unit=unit, total=total, initial=done, dynamic_ncols=True, smoothing=0.05)
    bar.mininterval = _INTERVAL_S if bar.fp.isatty() else _PLAIN_INTERVAL_S
    return bar


class CorpusProgress(threading.Thread):
    """Follow the logs of running shards and draw one bar over all volumes.

    Parameters
    ----------
    shards : mapping of Path to Path
        The plan of each shard that this run builds, and the log that it writes.
    """

    def __init__(self, shards: Mapping[Path, Path]) -> None:
        super().__init__(daemon=True, name="corpus-progress")
        self._shards = dict(shards)
        self._stopped = threading.Event()
        self._sizes: dict[Path, int] = {}
        self._counted: dict[Path, tuple[int, int, int]] = {}
        for log in shards.values():
            # What an earlier run left must not count as done.
            log.unlink(missing_ok=True)

    def run(self) -> None:
        """Draw until :meth:`stop` is called."""
        if not self._shards:
            return
        with open_bar("volumes", unit="volume") as bar:
            while not self._stopped.wait(_INTERVAL_S):
                self._draw(bar)
            self._draw(bar)

    def stop(self) -> None:
        """Draw a last time and return once the bar is closed."""
        self._stopped.set()
        self.join()

    def _draw(self, bar: "tqdm[NoReturn]") -> None:
        counts = [self._count(log) for log in self._shards.values()]
        done, kept = sum(done for done, _ in counts), sum(kept for _, kept in counts)
        # Plans of sources that a rule still writes appear on the way.
        # A DICOM series may hold several.
        bar.total = max(done, sum(self._size(plan) for plan in self._shards))
        bar.set_postfix(kept=kept, excluded=done - kept, refresh=False)
        bar.update(done - bar.n)

    def _count(self, log: Path) -> tuple[int, int]:
        """Count one log's lines, and read it only if it grew: most shards are done, or have not begun."""
        length = log.stat().st_size if log.is_file() else 0
        if length != self._counted.get(log, (0, 0, 0))[0]:
            self._counted[log] = (length, *count_lines([log]))
        _, done, kept = self._counted.get(log, (0, 0, 0))
        return done, kept

    def _size(self, plan: Path) -> int:
        if plan not in self._sizes and plan.is_file():
            self._sizes[plan] = len(read_plan(plan)["volumes"])
        return self._sizes.get(plan, 0)


def count_lines(logs: Iterable[Path]) -> tuple[int, int]:
    """Return how many volumes the shards' logs speak of, and how many of them were kept."""
    lines = [line for log in logs if log.is_file() for line in log.read_bytes().splitlines()]
    return len(lines), sum(line.startswith(b"kept\t") for line in lines)
