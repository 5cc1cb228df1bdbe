"""What a whole corpus takes, from what one volume took."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

CORES = 64

#: Volumes of the sources whose counts follow from the code behind the corpus, and the measured volume each counts as.
SMALL_SOURCES = {
    "BraTS21": (3752, "BraTS"),
    "MSD": (1064, "BraTS"),
    "ISLES22": (750, "thick FLAIR"),
    "WMH": (120, "thick FLAIR"),
    "MSSEG1": (75, "OASIS-3"),
}
#: ADNI, OASIS-3, OASIS-4 and PPMI together; how they share it is unknown.
COHORT_VOLUMES = 38_995
VOLUMES = COHORT_VOLUMES + sum(count for count, _ in SMALL_SOURCES.values())
#: What the cohorts' volumes are taken for: shares of the measured volumes.
MIXES = {
    "all like OASIS-3": {"OASIS-3": 1.0},
    "half ADNI, half OASIS-3": {"ADNI": 0.5, "OASIS-3": 0.5},
    "all like ADNI": {"ADNI": 1.0},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """One volume: CPU seconds, bytes read, bytes stored, and the float32 bytes of the stored shape."""

    cpu_s: float
    read_bytes: float
    stored_bytes: float
    float32_bytes: float


@dataclass(frozen=True, slots=True)
class Overhead:
    """What Snakemake takes.

    Attributes
    ----------
    job_s : float
        Of each job, beside its volumes.
    start_s : float
        Before the first job, with all files of the corpus in place.
    shards : int
        Number of jobs.
    """

    job_s: float
    start_s: float
    shards: int


@dataclass(frozen=True, slots=True)
class Total:
    """The whole corpus under one mix.

    Attributes
    ----------
    cpu_s : float
        Of all volumes.
    least_s : float
        Wall seconds with all cores busy to the end.
    most_s : float
        Wall seconds where the longest shard begins last: no order of the jobs takes longer.
    """

    cpu_s: float
    read_bytes: float
    stored_bytes: float
    float32_bytes: float
    least_s: float
    most_s: float

    @property
    def disk_bytes_per_s(self) -> float:
        """Reading and writing together, at which the disk and the cores take equally long."""
        return (self.read_bytes + self.stored_bytes) / self.least_s

    def disk_s(self, bytes_per_s: float) -> float:
        """Wall seconds of reading and writing on one disk of some rate."""
        return (self.read_bytes + self.stored_bytes) / bytes_per_s


def cost_of(head: Mapping[str, Any], preset: str) -> Cost:
    """Return what one volume of the preprocessing benchmark took."""
    x, y, z = head["facts"][preset]["shape"]
    return Cost(
        cpu_s=median(head["cpu_seconds"][preset]),
        read_bytes=head["facts"]["source_bytes"],
        stored_bytes=head["facts"][preset]["stored_bytes"],
        float32_bytes=4 * x * y * z,
    )


def counts_of(mix: Mapping[str, float]) -> dict[str, float]:
    """Return how many volumes of the corpus count as each measured one."""
    counts = {name: COHORT_VOLUMES * share for name, share in mix.items()}
    for count, name in SMALL_SOURCES.values():
        counts[name] = counts.get(name, 0) + count
    return counts


def total_of(costs: Mapping[str, Cost], mix: Mapping[str, float], overhead: Overhead) -> Total:
    """Add up the whole corpus on :data:`CORES` cores.

    The seconds of a volume are taken to be the same with all cores busy, and shards to be alike.
    """
    counts = counts_of(mix)

    def summed(name: str) -> float:
        return sum(count * getattr(costs[key], name) for key, count in counts.items())

    work_s = summed("cpu_s") + overhead.shards * overhead.job_s
    least_s = overhead.start_s + work_s / CORES
    longest_s = max(costs[key].cpu_s for key in counts) * VOLUMES / overhead.shards + overhead.job_s
    return Total(
        cpu_s=summed("cpu_s"),
        read_bytes=summed("read_bytes"),
        stored_bytes=summed("stored_bytes"),
        float32_bytes=summed("float32_bytes"),
        least_s=least_s,
        # Jobs that are started as cores become free end no later than this (Graham 1966).
        most_s=least_s + longest_s * (1 - 1 / CORES),
    )
