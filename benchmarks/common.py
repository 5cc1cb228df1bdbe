"""What all benchmarks share: the call, the machine, one thread per library, the peer's process, the result file.

It needs Python's standard library alone, so a peer's script can import it in the peer's environment.
"""

import argparse
import contextlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent
REPOSITORY = BENCHMARKS.parent
RESULTS = BENCHMARKS / "results"
ENVIRONMENTS = BENCHMARKS / ".envs"
PAGE = REPOSITORY / "docs" / "benchmarks.md"

#: Libraries read these when they are imported, so they are set before a process starts.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLOSC_NTHREADS",
        "VECLIB_MAXIMUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "RAYON_NUM_THREADS",
    ),
    "1",
)  # fmt: skip

Cell = str | int | float | None
Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that has to be reached: at least ``least``, or at most ``most``."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        """Tell whether the figure lies where it has to; what is no number does not."""
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        return low <= self.value <= high

    @property
    def demand(self) -> str:
        """The demand in words."""
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


def parse_call(description: str | None) -> argparse.Namespace:
    """Read the call that every ``bench.py`` takes: ``--peer-python PATH --out FILE.json [--quick]``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, required=True, help="interpreter of the peers' environment")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the result")
    parser.add_argument("--quick", action="store_true", help="the least that shows that every part works")
    call = parser.parse_args()
    if not call.peer_python.exists():
        parser.error(f"{call.peer_python} does not exist; ./bench makes it.")
    return call


def one_thread_environment() -> dict[str, str]:
    """Return this process's environment with one thread per library, and this folder on Python's path."""
    path = os.pathsep.join(filter(None, (str(BENCHMARKS), os.environ.get("PYTHONPATH"))))
    return os.environ | ONE_THREAD | {"PYTHONPATH": path}


def describe_machine() -> dict[str, Cell]:
    """Say what a run took place on: processor, cores, memory, system, Python."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}, {platform.machine()}",
        "python": platform.python_version(),
    }


def versions_of(*packages: str) -> dict[str, str]:
    """Return the versions of installed packages."""
    return {package: version(package) for package in packages}


def cpu_seconds(work: Callable[[], object], *, repeats: int) -> list[float]:
    """Time some work: CPU seconds of this process, all its threads together, once per repetition."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return seconds


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios of what was measured side by side."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the mean that suits ratios."""
    return statistics.geometric_mean(values)


class Peer:
    """A peer's script, running in the peer's environment and answering requests, one at a time.

    It stays alive between requests, so that peers can be timed in turns. The script calls :func:`serve`.
    """

    def __init__(self, python: Path, script: Path) -> None:
        self._process = subprocess.Popen(
            [python, script], env=one_thread_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, request: str, /, **arguments: Any) -> Any:
        """Call a function of the peer and return its answer.

        Raises
        ------
        RuntimeError
            If the peer fails; its own message went to the standard error.
        """
        assert self._process.stdin is not None  # noqa: S101 - both are pipes, see above
        assert self._process.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps([request, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            msg = f"the peer failed at '{request}' with exit code {self._process.wait()}"
            raise RuntimeError(msg)
        return json.loads(answer)

    def close(self) -> None:
        """End the peer's process."""
        self._process.communicate()


@contextlib.contextmanager
def open_peer(python: Path, script: Path) -> Iterator[Peer]:
    """Start a peer and end it with the block."""
    peer = Peer(python, script)
    try:
        yield peer
    finally:
        peer.close()


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer requests on the standard input with JSON lines on the standard output, until it is closed."""
    answers = sys.stdout
    # A library that prints must not answer in our place.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(handlers[name](**arguments)), file=answers, flush=True)


def write_result(
    path: Path,
    *,
    benchmark: str,
    title: str,
    text: str,
    versions: Mapping[str, str],
    tables: Sequence[Mapping[str, Any]],
    bars: Sequence[Bar] = (),
    raw: Mapping[str, Any],
) -> int:
    """Write a benchmark's result, print a line for each bar that is missed, and return the exit code.

    Parameters
    ----------
    path : Path
        The JSON file.
    benchmark : str
        Name of its folder.
    title, text : str
        Heading and introduction (Markdown) of its section.
    versions : mapping
        Of the packages that were measured.
    tables : sequence of mapping
        Each with ``title``, ``columns`` and ``rows``; see :func:`table`.
    bars : sequence of Bar
        What has to be reached; they become the section's last table.
    raw : mapping
        All that was measured.

    Returns
    -------
    int
        0 if every bar is met, 1 if not.
    """
    result = {
        "benchmark": benchmark,
        "title": title,
        "command": f"./bench {benchmark}",
        "machine": describe_machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": dict(versions),
        "text": text,
        "tables": [*tables, *([bars_table(bars)] if bars else [])],
        "raw": {**raw, "bars": [asdict(bar) for bar in bars]},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    missed = [bar for bar in bars if not bar.met]
    for bar in missed:
        print(f"{benchmark}: missed: {bar.name} is {bar.value:.4g}, it has to be {bar.demand}")
    return 1 if missed else 0


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    """Make a table of a result. Cells are text or numbers; the page writes numbers with three digits."""
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


def bars_table(bars: Sequence[Bar]) -> dict[str, Any]:
    """Make the table of what had to be reached."""
    rows = [(bar.name, bar.demand, bar.value, "yes" if bar.met else "**no**") for bar in bars]
    return table("What has to be reached", ("figure", "demand", "measured", "met"), rows)


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
