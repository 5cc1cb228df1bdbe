"""Our side: write shards as a job of the workflow writes them. Runs in a process of its own and answers bench.py."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import serve
from preprocessing import shards
from preprocessing.footprint import peak_bytes_of, status_of

# What a job imports late counts as the interpreter's memory, and as no volume's time.
from scipy import ndimage  # noqa: F401

from brains45k.corpus.plan import memory_mb
from brains45k.corpus.settings import Settings
from brains45k.volume.resampling import axis_matrix


def write(source: str, copies: int, preset: str, folder: str) -> dict[str, Any]:
    """Write a shard of several copies of a file; return CPU and wall seconds of one, and what was stored.

    Nothing is remembered from the shard before: a job of the workflow begins without matrices of resampling too.
    """
    workdir = Path(folder)
    settings = _prepare(Path(source), copies, preset, workdir)
    axis_matrix.cache_clear()
    cpu, wall = time.process_time(), time.perf_counter()
    rows = shards.write(workdir, settings)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu_seconds": cpu / copies, "wall_seconds": wall / copies, **_first(rows)}


def peak(source: str, copies: int, preset: str, folder: str) -> dict[str, Any]:
    """Write a shard of several copies; return by how much it raised this process's memory, and what was stored."""
    workdir = Path(folder)
    settings = _prepare(Path(source), copies, preset, workdir)
    rows: list[dict[str, Any]] = []
    peak_bytes = peak_bytes_of(lambda: rows.extend(shards.write(workdir, settings)))
    return {
        "peak_bytes": peak_bytes,
        "process_mib": status_of("VmHWM") // 1024,
        "asked_mib": memory_mb(workdir / shards.plan_path(0), spacing_mm=settings.preprocess["spacing_mm"]),
        **_first(rows),
    }


def _prepare(source: Path, copies: int, preset: str, workdir: Path) -> Settings:
    shutil.rmtree(workdir, ignore_errors=True)
    extension = source.name[source.name.index(".") :]
    for number in range(copies):
        shutil.copy(source, shards.image_path(workdir / "source", f"{number:02d}", extension))
    return shards.plan(workdir, shards.config(preset=preset))


def _first(rows: list[dict[str, Any]]) -> dict[str, Any]:
    row = rows[0]
    return {name: row[name] for name in ("reason", "original_shape", "shape", "stored_bytes")}


if __name__ == "__main__":
    serve({"write": write, "peak": peak})
