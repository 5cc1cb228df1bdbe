"""Compare preprocessing with Yucca and others: CPU seconds from a file to a stored volume, and peak memory.

    python benchmarks/preprocessing/bench.py --peer-python PATH --out FILE.json [--quick]

Exit codes: 0 every bar was met, 1 one was missed (a line says which).
"""

import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import Peer, open_peer, parse_call, versions_of, write_result
from preprocessing import memory, speed
from preprocessing.speed import Effort, Timed
from volumes import REAL_VOLUMES, real_files, write_heads

_HERE = Path(__file__).parent
_FULL = Effort(rounds=7, other_rounds=3, real_rounds=3, copies=4)
_QUICK = Effort(rounds=1, other_rounds=1, real_rounds=0, copies=2)
_NIFTI = (".nii", ".nii.gz")
_TEXT = """\
One volume: read, checked, hashed, preprocessed and stored. Ours is a shard of {copies} copies of the file, written by
the function that the workflow's job calls; its seconds are those of the whole shard by the number of volumes. Yucca's
side is what its `UnsupervisedPreprocessor` does under the plans that made BRAINS-45K, and a `.npy` file in float32;
the others follow their documentation as far as they go: nnU-Net's default steps (nnssl's are these), TorchIO's
canonical orientation, B-spline and z-score without a crop, MONAI's with a cubic spline. They check no file and hash
nothing. Ratios are medians over {rounds} rounds (others: {other_rounds}) in which the sides took turns, each in a
process of its own.

ADNI, OASIS-3 and the thick FLAIR are synthetic heads in noisy air, BraTS is skull-stripped; all int16, `.nii.gz`.

Memory is the peak of the process's resident memory over what it held with all its imports. Ours writes a shard of
three copies, so that the next file is read meanwhile; the measure is the float32 size of the larger of the input and
the stored volume."""


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    effort = _QUICK if call.quick else _FULL
    # No dot in the names: Yucca takes all that follows the first dot of a whole path for the extension.
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        work = Path(folder)
        heads = list(write_heads(work))[-2 if call.quick else 0 :]
        with ExitStack() as stack:
            # Each in a process of its own: what one leaves of the memory slows another.
            ours = stack.enter_context(open_peer(Path(sys.executable), _HERE / "ours.py"))
            peers = {
                name: stack.enter_context(open_peer(call.peer_python, _HERE / "peer.py"))
                for name in (speed.YUCCA, *speed.OTHERS)
            }
            rounds = {speed.YUCCA: effort.rounds} | dict.fromkeys(speed.OTHERS, effort.other_rounds)
            timed = [
                speed.time_file(name, path, ours, peers, work, rounds=rounds, copies=effort.copies)
                for name, path in heads
            ]
            real, left_out = _time_real(ours, peers, work, effort)
            versions = versions_of("brains45k", "numpy", "scipy", "isal", "numcodecs")
            versions |= {f"peers' {name}": version for name, version in peers[speed.YUCCA].ask("versions").items()}
        inputs = heads[-1:] if call.quick else [*heads, *memory.write_inputs(work)]
        peaks = [memory.measure(name, path, call.peer_python, work) for name, path in inputs]
    left_out += [line for one in timed for line in one.errors]
    return write_result(
        call.out,
        benchmark="preprocessing",
        title="Preprocessing: speed and memory",
        text="\n".join([_TEXT.format(**asdict(effort)), "", *(f"- Left out: {line}" for line in left_out)]),
        versions=versions,
        tables=[
            speed.speed_table(timed),
            *([speed.real_table(real)] if real else []),
            memory.memory_table(peaks),
        ],
        bars=[*speed.speed_bars(timed), *memory.memory_bars(peaks)],
        raw={
            "effort": asdict(effort),
            "heads": [asdict(one) for one in timed],
            "real": [asdict(one) for one in real],
            "memory": [asdict(peak) for peak in peaks],
        },
    )


def _time_real(ours: Peer, peers: Mapping[str, Peer], work: Path, effort: Effort) -> tuple[list[Timed], list[str]]:
    """Time what both sides read; say what is left out."""
    if not effort.real_rounds:
        return [], []
    files = real_files()
    if not files:
        return [], [f"{REAL_VOLUMES.name}: absent beside the checkout, so that only synthetic heads are timed"]
    left_out = [f"{path.name}: Yucca reads NIfTI alone" for _, path in files if not path.name.endswith(_NIFTI)]
    rounds = {speed.YUCCA: effort.real_rounds}
    timed = [
        speed.time_file(name, path, ours, peers, work, rounds=rounds, copies=effort.copies)
        for name, path in files
        if path.name.endswith(_NIFTI)
    ]
    left_out += [line for one in timed for line in one.errors]
    return [one for one in timed if speed.YUCCA in one.cpu_seconds], left_out


if __name__ == "__main__":
    sys.exit(main())
