"""Feed a training process with random patches: batches ready on the host, per CPU second of all processes.

    python benchmarks/feeding/bench.py --peer-python PATH --out FILE.json [--quick]

It needs torch (``pip install -e '.[train]'``). Exit codes: 0 every bar was met, 1 one was missed (a line says which).
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from clocks import Cost, fill_pages, measured, worker_ids
from common import ENVIRONMENTS, Bar, Cell, median_ratio, parse_call, table, versions_of, write_result
from corpora import MANIFEST_PATH, write_corpus
from disk import drop_pages, flush
from flat import measure_growth
from volumes import write_heads
from ways import BATCH_SIZE, WORKERS, Way, ways_of

import brains45k
from brains45k.corpus.reader import Corpus
from brains45k.volume import preprocess

#: What the bars are about, and what a patch of 128 is cut from before it is rotated and scaled.
SIZES_VOXELS, WIDE_VOXELS = (96, 128), 181
#: Patches per second that a training process may take.
RATES = (50, 100, 200, 400)
_WORKERS_ASKED = (1, 2, 4, 8)

_OURS, _PEER, _IN_SLOTS = "ours", "npy", "npy in our slots"
_NAMES = {
    _OURS: "**ours**",
    _PEER: ".npy float32, memory maps, DataLoader (AMAES)",
    _IN_SLOTS: ".npy float32, memory maps, through our slots",
}
#: What was read before, and what becomes of a batch.
_WARM, _HANDED, _COLD = "warm", "warm, not read", "cold"
_ELSE = ("ms of the training process", "MB from disk, cold", "patches per wall s, cold")

#: By way, size and kind: a cost for each round.
Costs = dict[str, dict[str, dict[str, list[Cost]]]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    copies: int
    rounds: int
    warm_epochs: int
    batches: int


_FULL = Effort(copies=16, rounds=2, warm_epochs=3, batches=2_000)
_QUICK = Effort(copies=4, rounds=1, warm_epochs=2, batches=400)


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    effort = _QUICK if call.quick else _FULL
    torch.set_num_threads(1)
    ENVIRONMENTS.mkdir(exist_ok=True)
    # Beside the checkout's files, because a folder for temporary files may lie in memory, where nothing is cold.
    with tempfile.TemporaryDirectory(dir=ENVIRONMENTS) as folder:
        corpus, files = _prepare(Path(folder), effort)
        costs = _measure(ways_of(corpus, files), Path(folder), effort)
        growth = measure_growth(corpus, batches=effort.batches)
        patches = len(files) // BATCH_SIZE * BATCH_SIZE
    rates = {
        way: {size: _rates(kinds, patches, effort) for size, kinds in sizes.items()} for way, sizes in costs.items()
    }
    return write_result(
        call.out,
        benchmark="feeding",
        title="Feeding: batches of patches, ready on the host",
        text=_text(effort, patches),
        versions=versions_of("brains45k", "torch", "numpy", "numcodecs", "google-crc32c"),
        tables=[*_tables(rates), _growth_table(growth)],
        bars=_bars(rates, growth),
        raw={"costs": _plain(costs), "patches_per_epoch": patches, "growth": growth},
    )


def _prepare(folder: Path, effort: Effort) -> tuple[Corpus, list[Path]]:
    """Write the same volumes as a corpus and as float32 files, and bring them to the disk."""
    heads = {name.replace(" ", "_"): preprocess(path).data for name, path in write_heads(folder)}
    volumes = {f"{name}-{number}": voxels for number in range(effort.copies) for name, voxels in heads.items()}
    write_corpus(folder / "ours", volumes)
    files = [folder / f"{name}.npy" for name in volumes]
    for file, voxels in zip(files, volumes.values(), strict=True):
        np.save(file, voxels)
    flush(folder)
    corpus = brains45k.open_corpus(folder / "ours" / MANIFEST_PATH)
    corpus.manifest["split"] = "train"
    return corpus, files


def _measure(ways: Mapping[str, Way], folder: Path, effort: Effort) -> Costs:
    """Let the ways take turns, round by round."""
    sizes = (*SIZES_VOXELS, WIDE_VOXELS)
    costs: Costs = {way: {str(size): {} for size in sizes} for way in ways}
    for number in range(effort.rounds):
        for size in sizes:
            for name, way in ways.items():
                for kind, cost in _measure_one(way, size, folder, effort, first_epoch=number * 100).items():
                    costs[name][str(size)].setdefault(kind, []).append(cost)
        print(f"round {number + 1} of {effort.rounds}", flush=True)
    return costs


def _measure_one(way: Way, size: int, folder: Path, effort: Effort, *, first_epoch: int) -> dict[str, Cost]:
    """Open a loader, let its workers come up, and measure epochs with its files in the page cache and without."""
    fill_pages(folder)
    loader, epoch = way(size)
    taken = torch.zeros_like(next(epoch(first_epoch)))

    def run(number: int, *, read: bool) -> None:
        for voxels in epoch(number):
            if read:
                taken.copy_(voxels)

    run(first_epoch, read=True)
    workers = worker_ids(loader)
    with measured(workers) as warm:
        for number in range(effort.warm_epochs):
            run(first_epoch + number, read=True)
    with measured(workers) as handed:
        for number in range(effort.warm_epochs):
            run(first_epoch + number, read=False)
    drop_pages(folder)
    with measured(workers) as cold:
        run(first_epoch, read=True)
    return {_WARM: warm, _HANDED: handed, _COLD: cold}


def _rates(kinds: Mapping[str, Sequence[Cost]], patches: int, effort: Effort) -> dict[str, dict[str, list[float]]]:
    """Return by kind and measure what each round gave."""
    found: dict[str, dict[str, list[float]]] = {}
    for kind, costs in kinds.items():
        count = patches * (1 if kind == _COLD else effort.warm_epochs)
        found[kind] = {
            "per_cpu_s": [count / cost.cpu_s for cost in costs],
            "per_worker_cpu_s": [count / cost.workers_cpu_s for cost in costs],
            "per_wall_s": [count / cost.wall_s for cost in costs],
            "main_ms": [1000 * cost.main_cpu_s / count for cost in costs],
            "disk_mb": [cost.disk_mb / count for cost in costs],
        }
    return found


def _tables(rates: Mapping[str, Any]) -> list[dict[str, Any]]:
    sizes = [str(size) for size in (*SIZES_VOXELS, WIDE_VOXELS)]
    kinds = (_WARM, _HANDED, _COLD)
    return [
        table(
            f"Patches per CPU second, {WORKERS} workers and the training process (in brackets: over AMAES's way)",
            ("fed from", *(f"{size}³ {kind}" for size in sizes for kind in kinds)),
            [
                (_NAMES[way], *(_with_ratio(rates, way, size, kind) for size in sizes for kind in kinds))
                for way in _NAMES
            ],
        ),
        table(
            "What else a patch costs (in brackets: over AMAES's way)",
            ("fed from", *(f"{size}³ {what}" for size in sizes for what in _ELSE)),
            [(_NAMES[way], *(cell for size in sizes for cell in _costs_of(rates, way, size))) for way in _NAMES],
        ),
        table(
            "Arithmetic, nothing measured: share of its time that a training process would wait, warm",
            (
                "patches",
                "patches per second of a worker",
                "taken per second",
                *(f"{n} workers" for n in _WORKERS_ASKED),
            ),
            [_waiting(rates[_OURS][size][_WARM], size, rate) for size in sizes for rate in RATES],
        ),
    ]


def _with_ratio(rates: Mapping[str, Any], way: str, size: str, kind: str, measure: str = "per_cpu_s") -> str:
    value = statistics.median(rates[way][size][kind][measure])
    return f"{value:,.0f} ({_ratio(rates, way, size, kind, measure):.2f})"


def _ratio(rates: Mapping[str, Any], way: str, size: str, kind: str, measure: str = "per_cpu_s") -> float:
    return median_ratio(rates[way][size][kind][measure], rates[_PEER][size][kind][measure])


def _costs_of(rates: Mapping[str, Any], way: str, size: str) -> tuple[Cell, Cell, Cell]:
    return (
        statistics.median(rates[way][size][_WARM]["main_ms"]),
        statistics.median(rates[way][size][_COLD]["disk_mb"]),
        _with_ratio(rates, way, size, _COLD, "per_wall_s"),
    )


def _waiting(warm: Mapping[str, Sequence[float]], size: str, rate: int) -> list[Cell]:
    """Return how long is waited if a step takes what it takes, and workers read all the while."""
    per_worker = statistics.median(warm["per_worker_cpu_s"])
    shares = [max(0.0, 1 - workers * per_worker / rate) for workers in _WORKERS_ASKED]
    return [f"{size}³", per_worker, rate, *(f"{share:.0%}" for share in shares)]


def _growth_table(growth: Mapping[str, Any]) -> dict[str, Any]:
    rows = [(name, *grown) for name, grown in growth["processes"].items()]
    title = f"What {growth['batches']:,} small batches leave behind, the first tenth not counted"
    return table(title, ("process", "memory grown, MiB", "files left open"), rows)


def _bars(rates: Mapping[str, Any], growth: Mapping[str, Any]) -> list[Bar]:
    sizes = [str(size) for size in SIZES_VOXELS]
    bars = [
        Bar(f"patches of ours over AMAES's way, {size}³, {kind}", _ratio(rates, _OURS, size, kind), least=1.5)
        for size in sizes
        for kind in (_WARM, _HANDED, _COLD)
    ]
    grown_mib, files = zip(*growth["processes"].values(), strict=True)
    return [
        *bars,
        Bar("growth of a process's memory, MiB", max(grown_mib), most=8),
        Bar("files left open", max(files), most=0),
    ]


def _plain(costs: Costs) -> dict[str, Any]:
    return {
        way: {
            size: {kind: [asdict(cost) for cost in found] for kind, found in kinds.items()}
            for size, kinds in sizes.items()
        }
        for way, sizes in costs.items()
    }


def _text(effort: Effort, patches: int) -> str:
    return f"""\
Random cubic patches of {patches} volumes in batches of {BATCH_SIZE}, through torch's DataLoader with {WORKERS} workers
(fork), one patch of each volume in an epoch, no transform. The volumes are {effort.copies} copies each of the four
synthetic heads, in files of their own; where a volume is shorter than a patch, the rest is 0. CPU seconds are those
of the training process and of the workers, all their threads, without their start. {effort.rounds} rounds, in each of
which every way has its turn, with {effort.warm_epochs} epochs warm and one cold; medians, and medians of the rounds'
ratios.

- *Warm*: the files are in the page cache; the training process copies each batch into memory that it has, which
  stands for the copy to a device. *Not read*: it takes the batches and looks at none. *Cold*: the page cache is told
  to forget all files before the epoch (`posix_fadvise` with `DONTNEED`, after `fsync`); the batches are copied.
- AMAES's way: each sample opens a float32 `.npy` file as a memory map and copies its crop; the DataLoader joins the
  samples in shared memory of the batch's own. Ours sends int16, half the bytes, in shared memory that is used again,
  and has decoded and checked what it read.
- The third way reads float32 memory maps straight into such slots: what decoding costs, and what the way to the
  training process costs. It takes four times the bytes on the disk, checks nothing, and hands out float32.
- 181³ is what a patch of 128³ is cut from where it may be rotated and scaled.
- The waiting is arithmetic: each worker gives what one CPU second of a worker gave, the training process takes
  patches at a given rate, and what the workers fall short by is waited for. What a run really waited is in its log.
- Memory is a process's own, what it shares left out; the batches are of two patches of 32³."""


if __name__ == "__main__":
    sys.exit(main())
