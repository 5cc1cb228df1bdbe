"""Time and memory of a training step of the U-Nets, against the plain implementation, and what the options change.

    python benchmarks/networks/bench.py --peer-python PATH --out FILE.json [--quick]

It needs torch (``pip install -e '.[train]'``); the peer runs in the same process. On a GPU nothing is measured here:
see ``gpu.py``. Exit codes: 0 every bar was met, 1 one was missed (a line says which).
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from common import Bar, Cell, median_ratio, one_thread_environment, parse_call, table, versions_of, write_result
from steps import IN_PLACE, OPTIONS, OURS, PLAIN, Case, Step, cpu_seconds_of, make_step

#: Network, side of the patch, repetitions.
CASES = (("unet_b", 32, 31), ("unet_b", 64, 15), ("unet_xl", 32, 15), ("unet_xl", 64, 7))
QUICK_CASES = (("unet_b", 32, 3),)
#: What the options are measured on.
OPTION_CASES = (("unet_b", 64, 7), ("unet_xl", 64, 5))
QUICK_OPTION_CASES = (("unet_tiny", 32, 2),)
# glibc: arrays above a size go back to the system at once, and each new one is zeroed page by page. For times all
# freed memory is kept, or chance would decide which step pays for that; for peaks none is, so that they are of what
# is alive.
_KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 40), "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(1 << 16)}
_TOLERANCE = 1e-5

#: By implementation or options: seconds of forward and backward, and of the update, once per repetition.
Seconds = dict[str, list[tuple[float, float]]]


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    if not _KEEP.items() <= os.environ.items():
        # The allocator reads these when a process starts.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | _KEEP)  # noqa: S606 - this very call
    torch.set_num_threads(1)
    peers = [_against_peers(*case) for case in (QUICK_CASES if call.quick else CASES)]
    options = [_with_options(*case) for case in (QUICK_OPTION_CASES if call.quick else OPTION_CASES)]
    return write_result(
        call.out,
        benchmark="networks",
        title="Networks: a training step on the CPU",
        text=_TEXT,
        versions=versions_of("brains45k", "torch"),
        tables=[_peer_table(peers), _option_table(options)],
        bars=[bar for found in peers for bar in _bars(found)],
        raw={"peers": peers, "options": options},
    )


def _against_peers(network: str, size_voxels: int, repeats: int) -> dict[str, Any]:
    """Measure one network of one size, ours and the peers in turns."""
    cases = {name: Case(network, size_voxels, implementation=name) for name in (PLAIN, IN_PLACE, OURS)}
    steps = {name: make_step(case) for name, case in cases.items()}
    for name in (IN_PLACE, OURS):
        _require_equal(steps[name], steps[PLAIN])
    return _measure(cases, steps, repeats)


def _with_options(network: str, size_voxels: int, repeats: int) -> dict[str, Any]:
    """Measure one network of one size, one set of options after the other."""
    cases = {name: Case(network, size_voxels, options=name) for name in OPTIONS}
    return _measure(cases, {name: make_step(case) for name, case in cases.items()}, repeats)


def _measure(cases: dict[str, Case], steps: dict[str, Step], repeats: int) -> dict[str, Any]:
    some = next(iter(cases.values()))
    print(f"{some.network}, {some.size_voxels}^3: {', '.join(cases)}", flush=True)
    seconds = cpu_seconds_of(steps, repeats=repeats)
    steps.clear()
    peaks_mb = {name: _peak_mb(case) for name, case in cases.items()}
    return {"network": some.network, "size_voxels": some.size_voxels, "seconds": seconds, "peaks_mb": peaks_mb}


def _require_equal(ours: Step, peer: Step) -> None:
    """Give ours the peer's weights and see that both compute the same."""
    with torch.no_grad():
        for mine, theirs in zip(ours.network.parameters(), peer.network.parameters(), strict=True):
            mine.copy_(theirs)
        found, expected = ours.network(peer.image), peer.network(peer.image)
    distance = float((found - expected).norm() / expected.norm())
    if distance > _TOLERANCE:
        msg = f"the networks do not compute the same: {distance:.1e}"
        raise RuntimeError(msg)


def _peak_mb(case: Case) -> float:
    environment = one_thread_environment() | _GIVE_BACK
    command = [sys.executable, str(Path(__file__).with_name("peak.py")), json.dumps(asdict(case))]
    return float(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _ratio(seconds: Seconds, name: str, base: str, *, part: int | None = None) -> float:
    """Compare two by their medians over repetitions of side-by-side ratios: of whole steps, or of one part."""
    tops, bottoms = ([sum(pair) if part is None else pair[part] for pair in seconds[key]] for key in (name, base))
    return median_ratio(tops, bottoms)


def _bars(found: dict[str, Any]) -> list[Bar]:
    where = f"{found['network']}, {found['size_voxels']}^3"
    peaks_mb = found["peaks_mb"]
    return [
        Bar(f"{where}: step time / plain", _ratio(found["seconds"], OURS, PLAIN), most=1.0),
        Bar(f"{where}: peak memory / plain", peaks_mb[OURS] / peaks_mb[PLAIN], most=1.0),
    ]


def _peer_table(results: list[dict[str, Any]]) -> dict[str, Any]:
    columns = (
        "network", "patch", "implementation", "ms per step", "step / plain", "forward and backward / plain",
        "peak MB", "peak / plain",
    )  # fmt: skip
    rows = [_row(found, name, PLAIN) for found in results for name in (PLAIN, IN_PLACE, OURS)]
    return table("A training step, batch of 1, float32, one thread", columns, rows)


def _option_table(results: list[dict[str, Any]]) -> dict[str, Any]:
    columns = (
        "network", "patch", "options", "ms per step", "step / none", "forward and backward / none", "peak MB",
        "peak / none",
    )  # fmt: skip
    return table(
        "What the options change, on a CPU", columns, [_row(found, n, "none") for found in results for n in OPTIONS]
    )


def _row(found: dict[str, Any], name: str, base: str) -> list[Cell]:
    """Return a row of either table: what was measured, and its ratio to the base's."""
    seconds, peaks_mb = found["seconds"], found["peaks_mb"]
    return [
        found["network"],
        f"{found['size_voxels']}^3",
        f"**{name}**" if name == OURS else name,
        1e3 * statistics.median(map(sum, seconds[name])),
        _ratio(seconds, name, base),
        _ratio(seconds, name, base, part=0),
        peaks_mb[name],
        peaks_mb[name] / peaks_mb[base],
    ]


_TEXT = (
    "A step is forward, backward and AdamW, of the reconstruction network on a batch of one patch of random voxels. "
    "The plain implementation is the same network as a sequence of PyTorch's layers, once with activations that write "
    "over their input. Ours uses PyTorch's fused AdamW, as pretraining does, the plain one AdamW as it is called by "
    "default; the column beside the steps compares the networks alone, whose convolutions are the same calls. Times "
    "are taken with freed memory kept for the next arrays, on both sides. Peak memory is what a process of its own "
    "grows by from the idle interpreter with the network: gradients, AdamW's averages and activations, with freed "
    "memory given back at once. Nothing was measured on a GPU; `benchmarks/networks/gpu.py` does it in one command."
)

if __name__ == "__main__":
    sys.exit(main())
