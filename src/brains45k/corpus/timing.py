"""How long volumes took, from the logs of the shards."""

from pathlib import Path


def seconds_per_volume(logs: Path, source: str) -> float | None:
    """Return the mean time of one volume of a source, read, judged, preprocessed and stored; None without logs.

    Timings stand in logs alone: a manifest has the same bytes on every machine.
    """
    lines = [line for path in logs.glob(f"{source}-*.log") for line in path.read_text("utf-8", "replace").splitlines()]
    seconds = [float(line.split("\t")[1].removesuffix(" s")) for line in lines if line.count("\t") >= 2]  # noqa: PLR2004
    return sum(seconds) / len(seconds) if seconds else None
