"""Render docs/throughput.md: what 44,756 volumes take on 64 cores, from the results of the benchmarks.

    python benchmarks/preprocessing/throughput.py [--results FOLDER] [--out FILE]

Every figure is measured by ./bench, a count of a source, or an assumption that the page names.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from common import REPOSITORY, RESULTS
from preprocessing.arithmetic import (
    COHORT_VOLUMES,
    CORES,
    MIXES,
    SMALL_SOURCES,
    VOLUMES,
    Cost,
    Overhead,
    Total,
    cost_of,
    total_of,
)
from preprocessing.shards import SOURCE

_PAGE = REPOSITORY / "docs/throughput.md"
_TEMPLATE = Path(__file__).with_name("throughput.md")
_PRESET = "paper"
_GB, _MB = 1e9, 1e6
_MIB_PER_GIB = 1024
_HOUR_S, _MINUTE_S = 3600.0, 60.0
#: Rates at which a disk reads and writes, MB/s: assumptions, no measurements.
_DISKS = {
    "a hard disk": 150,
    "a SATA SSD": 500,
    "a file server over 10 Gb/s Ethernet": 1_000,
    "an NVMe SSD": 3_000,
    "a parallel file system": 10_000,
}

Row = Sequence[str]


def main() -> None:
    """Read the results and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--out", type=Path, default=_PAGE, help="the page")
    call = parser.parse_args()
    speed, scaling = (
        json.loads((call.results / f"{name}.json").read_text(encoding="utf-8")) for name in ("preprocessing", "scaling")
    )
    call.out.write_text(render(speed, scaling), encoding="utf-8")


def render(speed: Mapping[str, Any], scaling: Mapping[str, Any]) -> str:
    """Return the page from the two results."""
    heads = {head["name"]: head for head in speed["raw"]["heads"]}
    costs = {name: cost_of(head, _PRESET) for name, head in heads.items()}
    overhead = Overhead(
        job_s=scaling["raw"]["job_overhead_s"],
        start_s=scaling["raw"]["dry_run"]["first_s"],
        shards=shards_in_use(),
    )
    totals = {name: total_of(costs, mix, overhead) for name, mix in MIXES.items()}
    tables = {
        "measured": _measured(heads, costs),
        "mix": _mix(),
        "totals": _totals(totals),
        "disks": _disks(totals),
    }
    words = _words(speed, scaling, costs, overhead, totals)
    return _TEMPLATE.read_text(encoding="utf-8").format(**tables, **words)


def shards_in_use() -> int:
    """Return the number of shards of the nine sources."""
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    names = [name for name in config["sources"] if name != SOURCE]
    files = [REPOSITORY / f"config/sources/{name}.yaml" for name in names]
    return sum(yaml.safe_load(file.read_text(encoding="utf-8"))["buckets"] for file in files)


def _measured(heads: Mapping[str, Any], costs: Mapping[str, Cost]) -> str:
    columns = ("volume", "CPU s, `paper`", "CPU s, `reference`", "read, MB", "stored, MB", "as float32, MB")
    rows = [
        (
            name,
            f"{cost.cpu_s:.3f}",
            f"{median(heads[name]['cpu_seconds']['reference']):.3f}",
            *(f"{size / _MB:.1f}" for size in (cost.read_bytes, cost.stored_bytes, cost.float32_bytes)),
        )
        for name, cost in costs.items()
    ]
    return _markdown(columns, rows)


def _mix() -> str:
    rows = [(name, f"{count:,}", like) for name, (count, like) in SMALL_SOURCES.items()]
    rows.append(("ADNI, OASIS-3, OASIS-4, PPMI together", f"{COHORT_VOLUMES:,}", "three assumptions, below"))
    return _markdown(("source", "volumes", "counted as"), [*rows, ("all", f"{VOLUMES:,}", "")])


def _totals(totals: Mapping[str, Total]) -> str:
    columns = (
        "the cohorts", "CPU hours", f"wall minutes on {CORES} cores", "read, GB", "stored, GB", "as float32, GB",
        "reading, MB/s", "writing, MB/s",
    )  # fmt: skip
    rows = [
        (
            name,
            f"{total.cpu_s / _HOUR_S:.2f}",
            f"{total.least_s / _MINUTE_S:.1f} to {total.most_s / _MINUTE_S:.1f}",
            *(f"{size / _GB:,.0f}" for size in (total.read_bytes, total.stored_bytes, total.float32_bytes)),
            *(f"{size / total.least_s / _MB:,.0f}" for size in (total.read_bytes, total.stored_bytes)),
        )
        for name, total in totals.items()
    ]
    return _markdown(columns, rows)


def _disks(totals: Mapping[str, Total]) -> str:
    columns = ("reads and writes go to", "assumed MB/s", *(f"{name}, minutes" for name in totals), "the limit")
    rows = []
    for disk, rate in _DISKS.items():
        disk_s = [total.disk_s(rate * _MB) for total in totals.values()]
        walls = [max(seconds, total.least_s) for seconds, total in zip(disk_s, totals.values(), strict=True)]
        slower = [seconds > total.least_s for seconds, total in zip(disk_s, totals.values(), strict=True)]
        limit = "the disk" if all(slower) else "either" if any(slower) else "the cores"
        rows.append((disk, f"{rate:,}", *(f"{wall / _MINUTE_S:.0f}" for wall in walls), limit))
    return _markdown(columns, rows)


def _words(
    speed: Mapping[str, Any],
    scaling: Mapping[str, Any],
    costs: Mapping[str, Cost],
    overhead: Overhead,
    totals: Mapping[str, Total],
) -> dict[str, str]:
    """Return the figures that stand in the text."""
    machine = speed["machine"]
    rates = [total.disk_bytes_per_s / _GB for total in totals.values()]
    efficiency = next(bar["value"] for bar in scaling["raw"]["bars"])
    hardware = scaling["raw"]["hardware"]
    asked_mib = max(peak["asked_mib"] for peak in speed["raw"]["memory"] if peak["name"] in costs)
    adni = next(head for head in speed["raw"]["heads"] if head["name"] == "ADNI")
    x, y, z = adni["facts"]["original_shape"]
    return {
        "machine": f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, {machine['system']}",
        "date": speed["date"],
        "volumes": f"{VOLUMES:,}",
        "cores": f"{CORES}",
        "shards": f"{overhead.shards:,}",
        "shard_volumes": f"{VOLUMES / overhead.shards:.0f}",
        "job_s": f"{overhead.job_s:.1f}",
        "jobs_share": f"{overhead.shards * overhead.job_s / min(total.cpu_s for total in totals.values()):.1%}",
        "import_s": f"{scaling['raw']['import_s']:.1f}",
        "start_s": f"{overhead.start_s:.0f}",
        "start_files": f"{scaling['raw']['dry_run']['files']:,}",
        "rate_low": f"{min(rates):.1f}",
        "rate_high": f"{max(rates):.1f}",
        "efficiency": f"{efficiency:.2f}",
        "ceiling": f"{median(a / b for a, b in zip(hardware['alone'], hardware['two at once'], strict=True)):.2f}",
        "asked_mib": f"{asked_mib:,}",
        "memory_gib": f"{CORES * asked_mib / _MIB_PER_GIB:.0f}",
        "adni_plain_mb": f"{2 * x * y * z / _MB:.0f}",
        "adni_packed_mb": f"{costs['ADNI'].read_bytes / _MB:.0f}",
        "slowest": f"{max(total.most_s for total in totals.values()) / _MINUTE_S:.0f}",
        "fastest": f"{min(total.least_s for total in totals.values()) / _MINUTE_S:.0f}",
    }


def _markdown(columns: Row, rows: Sequence[Row]) -> str:
    """Write a table; all columns but the first hold numbers, as a rule."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
