"""What the reports' thumbnails cost, beside reading, preprocessing and storing the volume.

    python benchmarks/pictures/bench.py --peer-python PATH --out FILE.json [--quick]

There is no peer: the measure is the volume's own time. Exit codes: 0 the bar was met, 1 it was missed.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import Bar, Cell, parse_call, table, versions_of, write_result
from volumes import real_files, write_heads

from brains45k.corpus.memory import keep_freed_memory
from brains45k.corpus.record import digest_of_voxels
from brains45k.corpus.store import create_group, write_volume
from brains45k.corpus.thumbnail import encode, planes_of
from brains45k.volume.preprocess import Preprocessing, preprocess_oriented
from brains45k.volume.read import read_image
from brains45k.volume.refusal import RefusalError
from brains45k.volume.reorient import reorient

ROUNDS, QUICK_ROUNDS = 15, 2
_MOST = 0.03
_MS = 1000
_TEXT = """\
A volume is read, turned, hashed, preprocessed (`paper`) and stored by the functions that a shard's job calls, and its
picture is made on the way, as in a job: the planes of the volume as it was read, those of the preprocessed one, and the
JPEG of both. CPU seconds, medians over {rounds} rounds, in each of which every file had its turn once, so that nothing
of a volume is left in the caches. The share is of the time without the picture."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Times:
    """CPU seconds of one volume: without its picture, and of the picture's three parts; and the picture's size."""

    rest_s: float
    before_s: float
    after_s: float
    encode_s: float
    picture_bytes: int

    @property
    def picture_s(self) -> float:
        """Of all three parts."""
        return self.before_s + self.after_s + self.encode_s


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    rounds = QUICK_ROUNDS if call.quick else ROUNDS
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder)
        files = {name: path for name, path in [*write_heads(workdir), *real_files()] if _is_kept(path, workdir)}
        measured: dict[str, list[Times]] = {name: [] for name in files}
        for _ in range(rounds):
            for name, path in files.items():
                measured[name].append(measure(path, workdir))
    shares = {name: _share(times) for name, times in measured.items()}
    whole = sum(_median_s(times, "picture_s") for times in measured.values())
    whole /= sum(_median_s(times, "rest_s") for times in measured.values())
    return write_result(
        call.out,
        benchmark="pictures",
        title="Pictures of the reports",
        text=_TEXT.format(rounds=rounds),
        versions=versions_of("pillow", "numpy"),
        tables=[_table(measured, shares)],
        bars=[Bar("pictures of all volumes, share of their time", whole, most=_MOST)],
        raw={"times": {name: [asdict(one) for one in times] for name, times in measured.items()}, "shares": shares},
    )


def measure(path: Path, workdir: Path) -> Times:
    """Preprocess one file and make its picture."""
    shard = workdir / "shard.zarr"
    create_group(shard)
    begin = time.process_time()
    volume = reorient(read_image(path))
    digest_of_voxels(volume)
    before, before_s = _timed(lambda: planes_of(volume))
    volume = preprocess_oriented(volume, Preprocessing())
    after, after_s = _timed(lambda: planes_of(volume))
    picture, encode_s = _timed(lambda: encode(before, after))
    write_volume(shard, "volume", volume)
    rest_s = time.process_time() - begin - before_s - after_s - encode_s
    shutil.rmtree(shard)
    return Times(rest_s, before_s, after_s, encode_s, len(picture))


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    start = time.thread_time()
    result = work()
    return result, time.thread_time() - start


def _is_kept(path: Path, workdir: Path) -> bool:
    """Tell whether a file is an image and no mask; all there is to import or to cache is so, too."""
    try:
        measure(path, workdir)
    except RefusalError:
        shutil.rmtree(workdir / "shard.zarr")
        return False
    return True


def _median_s(times: Sequence[Times], part: str) -> float:
    return statistics.median(getattr(one, part) for one in times)


def _share(times: Sequence[Times]) -> float:
    return statistics.median(one.picture_s / one.rest_s for one in times)


def _table(measured: dict[str, list[Times]], shares: dict[str, float]) -> dict[str, object]:
    parts = ("rest_s", "before_s", "after_s", "encode_s", "picture_s")
    rows: list[list[Cell]] = [
        [
            name,
            *(_MS * _median_s(times, part) for part in parts),
            f"{shares[name]:.2%}",
            times[0].picture_bytes,
        ]
        for name, times in measured.items()
    ]
    columns = (
        "volume", "without, ms", "planes before, ms", "planes after, ms", "JPEG, ms", "picture, ms", "share", "bytes",
    )  # fmt: skip
    return table("The picture of one volume", columns, rows)


if __name__ == "__main__":
    sys.exit(main())
