"""What reading ahead gives: a reader that is slow on purpose, with and without it."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from preprocessing import shards

from brains45k.corpus import shard
from brains45k.corpus.settings import Settings

DELAY_S = 0.1

_read_planned = shard._read_planned


def measure(workdir: Path, settings: Settings, *, rounds: int) -> dict[str, list[float]]:
    """Return the wall seconds of a shard: reader slow or as it is, with reading ahead and without, in turns."""
    seconds: dict[str, list[float]] = {"as it is": [], "slow": [], "as it is, in turn": [], "slow, in turn": []}
    # The first shard of a process also pays for its imports.
    shards.require_kept(shards.write(workdir, settings))
    for _ in range(rounds):
        for name, values in seconds.items():
            values.append(_time_shard(workdir, settings, slow="slow" in name, ahead="in turn" not in name))
    return seconds


def hidden_share(seconds: Mapping[str, Sequence[float]], volumes: int) -> float:
    """Return which part of the slow reader's delay took no time: 1 is all of it."""
    pairs = zip(seconds["slow"], seconds["as it is"], strict=True)
    return 1 - statistics.median(slow - usual for slow, usual in pairs) / (volumes * DELAY_S)


def _time_shard(workdir: Path, settings: Settings, *, slow: bool, ahead: bool) -> float:
    with ExitStack() as stack:
        if slow:
            stack.enter_context(patch.object(shard, "_read_planned", _read_slowly))
        if not ahead:
            stack.enter_context(patch.object(shard, "_read_ahead", _read_in_turn))
        start = time.perf_counter()
        shards.write(workdir, settings)
        return time.perf_counter() - start


def _read_slowly(path: Path, *arguments: Any) -> bytes:
    time.sleep(DELAY_S)
    return _read_planned(path, *arguments)


def _read_in_turn(reader: ThreadPoolExecutor, files: list[list[shard.Task]], root: Path) -> Iterator[Future[bytes]]:
    """Read each file when it is wanted, and let nothing else happen meanwhile."""
    for members in files:
        future = reader.submit(shard._read_planned, root / members[0].path, members[0])
        wait([future])
        yield future
