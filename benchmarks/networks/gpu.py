"""What a training step takes on a GPU, what augmenting adds to it, and how long it waits for data: one command.

    python benchmarks/networks/gpu.py --out FILE.json [--quick] [--device cuda]

Steps are of the reconstruction networks in bf16-mixed precision, ours and the plain U-Net, with options on and off;
what does not fit into the device's memory is told as such. Augmentation and waiting are those of U-Net XL. It prints
its tables and writes them to FILE.json. ``--quick --device cpu`` tries every part with a tiny network and says nothing
about speed.
"""

import argparse
import gc
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from common import ENVIRONMENTS, Cell, describe_machine, table, versions_of
from corpora import MANIFEST_PATH, write_corpus
from steps import OPTIONS, OURS, PLAIN, Case, Step, make_step
from volumes import write_heads

import brains45k
from brains45k.corpus.chunks import SCALE
from brains45k.corpus.reader import Corpus
from brains45k.training.augment import augment, source_size_voxels
from brains45k.training.loader import TrainLoader, train_loader
from brains45k.training.masking import draw_mask, mask_voxels
from brains45k.training.order import Share
from brains45k.training.patches import Batch
from brains45k.volume import preprocess

#: A case, its wall milliseconds or why there are none, and its peak memory in GiB where it can be told.
Taken = tuple[Case, float | str, float | None]

_GIB = 1 << 30
_PRESET = "all"
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    networks: tuple[str, ...]
    peers: tuple[str, ...]
    fed: str
    sizes_voxels: tuple[int, ...]
    batches: tuple[int, ...]
    repeats: int
    copies: int
    workers: int


_FULL = Effort(
    networks=("unet_b", "unet_xl", "mednext_m", "mednext_l"),
    peers=("unet_b", "unet_xl"),
    fed="unet_xl",
    sizes_voxels=(96, 128),
    batches=(2, 4, 8),
    repeats=20,
    copies=64,
    workers=8,
)
_QUICK = Effort(
    networks=("unet_tiny",),
    peers=("unet_tiny",),
    fed="unet_tiny",
    sizes_voxels=(32,),
    batches=(2,),
    repeats=2,
    copies=2,
    workers=1,
)


def main() -> int:
    """Measure, print the tables and write them."""
    call = _parse()
    effort = _QUICK if call.quick else _FULL
    taken = [_measure(case, effort.repeats) for case in _cases(effort, call.device)]
    steps_ms = {case: ms for case, ms, _ in taken if isinstance(ms, float)}
    tables = [
        _step_table(taken),
        _augmentation_table(effort, call.device, steps_ms),
        _waiting_table(effort, call.device),
    ]
    name = torch.cuda.get_device_name() if call.device == "cuda" else call.device
    result = {
        "device": name,
        "machine": describe_machine(),
        "versions": versions_of("brains45k", "torch"),
        "quick": call.quick,
        "tables": tables,
    }
    call.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\n{name}")
    for found in tables:
        _show(found)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the tables")
    parser.add_argument("--quick", action="store_true", help="the least that shows that every part works")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    call = parser.parse_args()
    if call.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU that torch can use; --quick --device cpu tries the parts")
    return call


def _cases(effort: Effort, device: str) -> Iterator[Case]:
    """Give every network as it is at every size and batch, and with options at the largest batch."""
    largest = max(effort.batches)
    for network, size, batch in itertools.product(effort.networks, effort.sizes_voxels, effort.batches):
        as_it_is = Case(network, size, batch, device=device, precision="bf16")
        if network in effort.peers:
            yield replace(as_it_is, implementation=PLAIN)
        yield as_it_is
        if batch == largest:
            yield replace(as_it_is, precision="32")
            yield from (replace(as_it_is, options=options) for options in OPTIONS if options != "none")


def _measure(case: Case, repeats: int) -> Taken:
    """Measure a case, or say why it cannot be, so that the others are not lost."""
    print(case, flush=True)
    found: tuple[float | str, float | None]
    try:
        found = _run(case, repeats)
    except RuntimeError as error:
        print(f"  {type(error).__name__}: {error}", flush=True)
        found = _cause(error), None
    _clean_up(case.device)
    return case, *found


def _cause(error: RuntimeError) -> str:
    return "out of memory" if isinstance(error, torch.OutOfMemoryError) else "failed"


def _run(case: Case, repeats: int) -> tuple[float, float | None]:
    """Measure a case and leave nothing of it behind."""
    step = make_step(case)
    milliseconds = _milliseconds(lambda: _take(step), case.device, repeats)
    return milliseconds, torch.cuda.max_memory_allocated() / _GIB if case.device == "cuda" else None


def _take(step: Step) -> None:
    step.forward_backward()
    step.update()


def _milliseconds(
    work: Callable[[], object], device: str, repeats: int, *, middle: Callable[..., float] = statistics.median
) -> float:
    """Time some work, each repetition to the device's end of it."""
    for _ in range(_WARM_UP):
        work()
    seconds = []
    for _ in range(repeats):
        _synchronize(device)
        start = time.perf_counter()
        work()
        _synchronize(device)
        seconds.append(time.perf_counter() - start)
    return 1e3 * middle(seconds)


def _synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _clean_up(device: str) -> None:
    """Give back what a case held, and begin the record of the peak anew."""
    torch.compiler.reset()
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _step_table(taken: list[Taken]) -> dict[str, Any]:
    plain = {replace(case, implementation=OURS): (ms, gib) for case, ms, gib in taken if case.implementation == PLAIN}
    rows: list[list[Cell]] = []
    for case, ms, gib in taken:
        base_ms, base_gib = plain.get(replace(case, options="none", precision="bf16"), (None, None))
        rows.append(
            [
                case.network, f"{case.size_voxels}^3", case.batch, case.precision, case.implementation, case.options,
                ms, 1e3 * case.batch / ms if isinstance(ms, float) else None,
                _over(ms, base_ms), gib, _over(gib, base_gib),
            ]
        )  # fmt: skip
    columns = (
        "network", "patch", "batch", "precision", "implementation", "options", "ms per step", "patches per s",
        "step / plain", "peak GiB", "peak / plain",
    )  # fmt: skip
    return table("A training step", columns, rows)


def _over(value: float | str | None, base: float | str | None) -> float | None:
    return value / base if isinstance(value, float) and isinstance(base, float) else None


def _augmentation_table(effort: Effort, device: str, steps_ms: dict[Case, float]) -> dict[str, Any]:
    """Time the augmentations of whole batches; the mean counts, for what is drawn differs from batch to batch."""
    batch = max(effort.batches)
    rows: list[list[Cell]] = []
    for size, interpolation in itertools.product(effort.sizes_voxels, ("linear", "cubic")):
        side = source_size_voxels(_PRESET, size)
        patches = torch.rand(batch, 1, side, side, side, device=device)
        keys = itertools.count()

        def work(patches: torch.Tensor = patches, size: int = size, interpolation: str = interpolation) -> None:
            drawn = [next(keys) for _ in range(batch)]  # noqa: B023 - it is called in this round alone
            augment(patches, drawn, preset=_PRESET, size_voxels=size, interpolation=interpolation)

        ms = _milliseconds(work, device, 5 * effort.repeats, middle=statistics.fmean)
        step_ms = steps_ms.get(Case(effort.fed, size, batch, device=device, precision="bf16"))
        rows.append([f"{size}^3", batch, interpolation, ms, step_ms, _over(ms, step_ms)])
    columns = ("patch", "batch", "interpolation", "ms per batch", f"ms of a {effort.fed} step", "augmenting / step")
    return table("Augmenting a batch on the device", columns, rows)


def _waiting_table(effort: Effort, device: str) -> dict[str, Any]:
    ENVIRONMENTS.mkdir(exist_ok=True)
    batch = max(effort.batches)
    rows: list[list[Cell]] = []
    with tempfile.TemporaryDirectory(dir=ENVIRONMENTS) as folder:
        corpus = _write_corpus(Path(folder), effort.copies)
        for size in effort.sizes_voxels:
            case = Case(effort.fed, size, batch, device=device, precision="bf16")
            row: list[Cell]
            try:
                steps, total_s, waited_s = _feed(case, corpus, effort.workers)
                row = [1e3 * total_s / steps, steps, waited_s / total_s]
            except torch.OutOfMemoryError as error:
                row = [_cause(error), None, None]
            rows.append([effort.fed, f"{size}^3", batch, effort.workers, *row])
            _clean_up(device)
    columns = ("network", "patch", "batch", "workers", "ms per step", "steps", "share of waiting")
    return table("Training from a corpus: read, augment, mask, train", columns, rows)


def _write_corpus(folder: Path, copies: int) -> Corpus:
    """Write synthetic heads, each several times, as a corpus."""
    heads = {name.replace(" ", "_"): preprocess(path).data for name, path in write_heads(folder)}
    volumes = {f"{name}-{number}": voxels for number in range(copies) for name, voxels in heads.items()}
    write_corpus(folder / "corpus", volumes)
    corpus = brains45k.open_corpus(folder / "corpus" / MANIFEST_PATH)
    corpus.manifest["split"] = "train"
    return corpus


def _feed(case: Case, corpus: Corpus, workers: int) -> tuple[int, float, float]:
    """Train for an epoch after a first one, and return its steps, its wall seconds and those spent on waiting."""
    step = make_step(case)
    side = source_size_voxels(_PRESET, case.size_voxels)
    share, pin_memory = Share(batch_size=case.batch), case.device == "cuda"
    with closing(
        train_loader(corpus, share, size_voxels=side, seed=1, workers=workers, pin_memory=pin_memory)
    ) as loader:
        _epoch(loader, step, case, epoch=0)
        return len(loader), *_epoch(loader, step, case, epoch=1)


def _epoch(loader: TrainLoader, step: Step, case: Case, *, epoch: int) -> tuple[float, float]:
    """Return the wall seconds of an epoch, and those between the end of a step and the next batch."""
    loader.set_position(epoch)
    begin, waited_s = time.perf_counter(), 0.0
    batches = iter(loader)
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return asked - begin, waited_s
        # The device was done when the batch was asked for: it has waited ever since.
        waited_s += time.perf_counter() - asked
        _take(_prepare(step, batch, case))
        _synchronize(case.device)


def _prepare(step: Step, batch: Batch, case: Case) -> Step:
    """Do to a batch what pretraining does, on the device."""
    keys = batch.keys.tolist()
    voxels = batch.levels.to(case.device, non_blocking=True).unsqueeze(1).float().mul_(SCALE)
    pair = augment(voxels, keys, preset=_PRESET, size_voxels=case.size_voxels)
    mask = draw_mask(keys, size_voxels=case.size_voxels, device=case.device)
    return replace(step, image=mask_voxels(pair.image, mask), target=pair.target)


def _show(found: dict[str, Any]) -> None:
    """Print a table."""
    rows = [found["columns"], *([_text(cell) for cell in row] for row in found["rows"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{found['title']}")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    sys.exit(main())
