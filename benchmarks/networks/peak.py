"""Print by how many MB a process grows in training steps, in a process of its own.

    python benchmarks/networks/peak.py '{"network": "unet_b", "size_voxels": 32}'

Where it starts from is the interpreter with torch, the network and its images; gradients and AdamW's averages count.
"""

import json
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from steps import Case, make_step

_STEPS = 2


def main() -> None:
    """Take steps and print the growth."""
    torch.set_num_threads(1)
    case = Case(**json.loads(sys.argv[1]))
    step = make_step(case)
    if "compile" in case.options:
        # What the compiler takes is no part of a step.
        step.forward_backward()
        step.optimizer.zero_grad()
    _forget_peak()
    idle_kib = _resident_kib("VmRSS")
    for _ in range(_STEPS):
        step.forward_backward()
        step.update()
    print((_resident_kib("VmHWM") - idle_kib) * 1024 / 1e6)


def _forget_peak() -> None:
    """Set the kernel's record of the largest size to the present one."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _resident_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
