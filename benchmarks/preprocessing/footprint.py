"""The memory of this process, as the system counts it. Python's standard library alone: peers use it too."""

import re
from collections.abc import Callable
from pathlib import Path

_KIB = 1024


def peak_bytes_of(work: Callable[[], object]) -> int:
    """Return by how much some work raises the peak of this process's memory over what it holds now.

    It says something in a fresh process alone. The peak is VmHWM: ``ru_maxrss`` would begin with the peak of the
    process that started this one.
    """
    before = status_of("VmRSS") * _KIB
    work()
    return max(0, status_of("VmHWM") * _KIB - before)


def status_of(field: str, process: int | str = "self") -> int:
    """Return a number of /proc/PID/status; sizes are in KiB."""
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0
