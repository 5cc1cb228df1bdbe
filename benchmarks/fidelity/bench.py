"""Fidelity: our preprocessing against Yucca's, our resampling against that of five tools and against the truth.

    python benchmarks/fidelity/bench.py --peer-python PATH --out FILE.json [--quick] [--volumes FOLDER ...]

``docs/fidelity.md`` explains the figures. Exit codes: 0 every bar is met, 1 one is missed, 2 it broke off.
"""

import argparse
import logging
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import others
import parity
from cases import Case, find_dcm2niix, find_files, make_cases, render_heads
from common import Peer, open_peer, versions_of, write_result
from phantoms import GRIDS
from threadpoolctl import threadpool_limits
from tools import resamplers
from trials import bars, grating_tables, sphere_table, summarise_spheres, try_gratings, try_spheres
from volumes import REAL_VOLUMES

_TEXT = """\
What the figures mean, what the peers were told to do and what follows from it stands in [fidelity.md](fidelity.md).
PSNRs are in dB; against Yucca with a peak of 1, against other resampling with the volume's 99th foreground percentile
as peak. Phantoms are sampled at the centres of the voxels and compared with the truth at the centres of each tool's own
output voxels. Edge errors and overshoot are in parts of the contrast, centres in voxels of 1 mm.
"""


def main() -> int:
    """Run all comparisons and write the result."""
    call = _parse()
    # nibabel tells of each harmless oddity of a header.
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        work = Path(folder)
        cases, left_out = _collect(call, work)
        try:
            with open_peer(call.peer_python, Path(__file__).with_name("peer.py")) as peer:
                return _compare(cases, left_out, peer, work, call)
        except RuntimeError as error:
            print(f"fidelity: {error}", file=sys.stderr)
            return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, required=True, help="interpreter of the peers' environment")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the result")
    parser.add_argument("--quick", action="store_true", help="the least that shows that every part works")
    parser.add_argument("--volumes", type=Path, nargs="+", help="folders with images  [default: ../shared/volumes]")
    call = parser.parse_args()
    missing = [str(path) for path in (call.peer_python, *(call.volumes or ())) if not path.exists()]
    if missing:
        parser.error(f"{', '.join(missing)} does not exist.")
    return call


def _collect(call: argparse.Namespace, work: Path) -> tuple[list[Case], list[str]]:
    dcm2niix = find_dcm2niix(call.peer_python)
    folders = call.volumes or [folder for folder in (REAL_VOLUMES,) if folder.is_dir()]
    files = [] if call.quick else list(find_files(folders, work, dcm2niix))
    cases, left_out = make_cases([*files, *render_heads(work)], work)
    if not folders:
        left_out.append(f"{REAL_VOLUMES.name}: absent beside the checkout, so that only synthetic heads are compared")
    if not dcm2niix:
        left_out.append("DICOM series: dcm2niix is not at hand")
    return cases, left_out


def _compare(cases: Sequence[Case], left_out: list[str], peer: Peer, work: Path, call: argparse.Namespace) -> int:
    rows, failed = parity.compare_all(cases, peer, work)
    resampled = others.compare_all(cases, peer, work)
    tools = resamplers(peer, work)
    grids = GRIDS[3:4] if call.quick else GRIDS
    sphere_trials, grating_trials = try_spheres(tools, grids), try_gratings(tools, grids)
    summaries = summarise_spheres(sphere_trials)
    return write_result(
        call.out,
        benchmark="fidelity",
        title="Fidelity",
        text="\n".join([_TEXT, *(f"- Left out: {line}" for line in left_out + failed)]),
        versions=versions_of("brains45k", "numpy", "scipy", "nibabel")
        | {f"peers' {name}": version for name, version in peer.ask("versions").items()},
        tables=[
            parity.parity_table(rows),
            others.others_table(resampled),
            sphere_table(summaries),
            *grating_tables(grating_trials),
        ],
        bars=[*parity.parity_bars(rows), *bars(summaries, grating_trials)],
        raw={
            "parity": _plain([asdict(row) for row in parity.fold(rows)]),
            "others": _plain([asdict(row) for row in resampled]),
            "spheres": _plain(sphere_trials),
            "gratings": _plain(grating_trials),
        },
    )


def _plain(value: Any) -> Any:
    """Shorten numbers to six digits, and write "equal" for an infinite PSNR, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return "equal" if value == math.inf else float(f"{value:.6g}")
    return value


if __name__ == "__main__":
    sys.exit(main())
