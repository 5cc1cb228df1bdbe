"""Compare ways to store preprocessed volumes: bytes, writing, and random patches, warm and cold.

    python benchmarks/storage/bench.py --peer-python PATH --out FILE.json [--quick]

Exit codes: 0 every bar was met, 1 one was missed (a line says which).
"""

import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common import ENVIRONMENTS, Bar, Cell, median_ratio, open_peer, parse_call, table, versions_of, write_result
from corpora import SHARD
from measure import Request, Start, bytes_of, handlers_of
from ours import ForgetfulReader, LevelsReader, Ours, time_together
from volumes import real_files, write_heads

from brains45k.volume import RefusalError, preprocess

SIZES_VOXELS = (96, 128)
_PEER = Path(__file__).with_name("peer.py")
_MEASURES = ("patches_per_cpu_s", "patches_per_wall_s", "mb_from_disk")

Ask = Callable[..., Any]
Series = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to store and read; ``written_by`` is the key of the row whose files it reads."""

    key: str
    stored: str
    reader: str
    written_by: str
    below: str = ""  # what this reader opens, below the folder of the files


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    heads: int
    real: bool
    write_rounds: int
    rounds: int
    patches_per_volume: int


_FULL = Effort(heads=4, real=True, write_rounds=3, rounds=4, patches_per_volume=2)
_QUICK = Effort(heads=2, real=False, write_rounds=1, rounds=1, patches_per_volume=2)

_OURS = "**ours**"
_CHOICE = "reader of this benchmark"
_NNSSL = "blosc2 float32"
_AT_ONCE = 4

#: Other ways to ask our reader.
_WAYS = (
    Row("ours, levels", "as uint16, the stored levels", "brains45k", "ours"),
    Row("ours, first", "the first of its volume: where the chunks lie is read anew", "brains45k", "ours"),
)


def _rows() -> list[Row]:
    others = [Row(key, _OURS, key, "ours", SHARD) for key in ("zarr-python", "zarrs", "tensorstore")]
    choices = {
        "chosen": "as ours: 12 bits, chunks of 32 x 64 x 64, lz4 level 5, byte shuffle",
        "16 bits": "16 bits",
        "float16": "float16",
        "64": "chunks of 64³",
        "32": "chunks of 32³",
        "bitshuffle": "bit shuffle",
        "zstd": "zstd level 1",
        "uncompressed": "uncompressed",
    }
    peers = {
        "npy": (".npy float32 (Yucca)", "memory map"),
        "blosc2 float32": ("blosc2 float32 (nnssl)", "blosc2"),
        "blosc2 float16": ("blosc2 float16", "blosc2"),
        "mds": ("MDS float32", "mosaicml-streaming"),
        "webdataset": ("WebDataset float32", "webdataset"),
    }
    return [
        Row("ours", _OURS, "brains45k", "ours"),
        *others,
        *(Row(key, stored, _CHOICE, key) for key, stored in choices.items()),
        *(Row(key, stored, reader, key) for key, (stored, reader) in peers.items()),
    ]


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    effort = _QUICK if call.quick else _FULL
    ENVIRONMENTS.mkdir(exist_ok=True)
    # Beside the checkout's files, because a folder for temporary files may lie in memory, where nothing is cold.
    with tempfile.TemporaryDirectory(dir=ENVIRONMENTS) as folder, open_peer(call.peer_python, _PEER) as peer:
        volumes, left_out = _prepare(Path(folder), effort)
        own = handlers_of({"ours": Ours()}, {"ours, levels": LevelsReader, "ours, first": ForgetfulReader})

        def ask(request: str, row: Row, **arguments: Any) -> Any:
            place = str(Path(folder, row.written_by, row.below))
            if row.key.startswith("ours"):
                return own[request](name=row.key, folder=place, **arguments)
            return peer.ask(request, name=row.key, folder=place, **arguments)

        raw = {"volumes": _shapes(volumes), "left_out": left_out, **_measure(ask, volumes, effort, Path(folder))}
        raw["together"] = {size: _together(Path(folder, "ours"), raw["volumes"], size, effort) for size in SIZES_VOXELS}
        versions = versions_of("brains45k") | peer.ask("versions")
    return write_result(
        call.out,
        benchmark="storage",
        title="Storage: bytes and patches",
        text=_text(raw, effort),
        versions=versions,
        tables=_tables(raw),
        bars=_bars(raw),
        raw=raw,
    )


def _prepare(folder: Path, effort: Effort) -> tuple[dict[str, str], list[str]]:
    """Preprocess the inputs and save them as float32; say what is left out."""
    volumes, left_out = {}, []
    files = list(write_heads(folder))
    for name, path in files[-effort.heads :] + real_files() * effort.real:
        try:
            voxels = preprocess(path).data
        except RefusalError as refusal:
            left_out.append(f"{name}: {refusal}")
            continue
        key = name.replace(" ", "_")
        volumes[key] = str(folder / f"{key}.npy")
        np.save(volumes[key], voxels)
    return volumes, left_out


def _shapes(volumes: Mapping[str, str]) -> dict[str, list[int]]:
    return {name: list(np.load(path, mmap_mode="r").shape) for name, path in volumes.items()}


def _measure(ask: Ask, volumes: dict[str, str], effort: Effort, folder: Path) -> dict[str, Any]:
    """Measure all rows in turns: writing, what is read, and patches."""
    rows = _rows()
    writing: Series = {row.key: [] for row in rows if row.key == row.written_by}
    for _ in range(effort.write_rounds):
        for row in rows:
            if row.key in writing:
                writing[row.key].append(ask("write", row, volumes=volumes))
    measured: dict[str, Any] = {"write_cpu_s": writing, "total_bytes": {}, "bytes_by_volume": {}}
    for key in writing:
        measured["total_bytes"][key], measured["bytes_by_volume"][key] = bytes_of(folder / key, list(volumes))
    measured["reading"] = {row.key: ask("check", row, volumes=volumes) for row in rows}
    measured["patches"] = _measure_patches(ask, [*rows, *_WAYS], _shapes(volumes), effort)
    return measured


def _measure_patches(
    ask: Ask, rows: Sequence[Row], shapes: Mapping[str, Sequence[int]], effort: Effort
) -> dict[str, dict[str, Series]]:
    """Return, by row and kind of reading, what each round gave; all rows read the same patches."""
    found: dict[str, dict[str, Series]] = {row.key: {} for row in rows}
    for number in range(effort.rounds):
        rng = np.random.default_rng(number)
        for size in SIZES_VOXELS:
            requests = _requests(shapes, size, rng, effort.patches_per_volume)
            for cold in (False, True):
                for row in rows:
                    figures = ask("patches", row, requests=requests, size=size, cold=cold)
                    series = found[row.key].setdefault(_kind(size, cold=cold), {})
                    for name, value in figures.items():
                        series.setdefault(name, []).append(value)
        print(f"round {number + 1} of {effort.rounds}", flush=True)
    return found


def _together(folder: Path, shapes: Mapping[str, Sequence[int]], size: int, effort: Effort) -> list[float]:
    """Return, by round, the cost of some patches of one volume one by one, over that of all at once."""
    ratios = []
    for number in range(effort.rounds):
        requests = _requests(shapes, size, np.random.default_rng(number), _AT_ONCE)
        boxes: dict[str, list[Start]] = {}
        for name, start in requests:
            boxes.setdefault(name, []).append(start)
        ratios.append(time_together(folder, boxes, (size,) * 3))
    return ratios


def _kind(size: int, *, cold: bool) -> str:
    return f"{size}³ {'cold' if cold else 'warm'}"


def _requests(
    shapes: Mapping[str, Sequence[int]], size: int, rng: np.random.Generator, per_volume: int
) -> list[Request]:
    """Draw patches that lie inside their volumes; a volume that is too small for one gives none."""
    fitting = [(name, shape) for name, shape in shapes.items() if min(shape) >= size]
    drawn = [
        (name, [int(rng.integers(length - size + 1)) for length in shape])
        for name, shape in fitting
        for _ in range(per_volume)
    ]
    return [drawn[position] for position in rng.permutation(len(drawn))]


def _tables(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = _rows()
    kinds = [_kind(size, cold=cold) for cold in (False, True) for size in SIZES_VOXELS]
    head = ("stored", "read by", "MB per volume", "bytes per voxel", "PSNR dB", "CPU s to write")
    cold = ("MB from disk", "patches per wall s")
    return [
        table(
            "Formats, and patches per CPU second (in brackets: over blosc2 as nnssl stores and reads it)",
            (*head, *kinds),
            [_main_cells(row, raw, kinds) for row in rows],
        ),
        table(
            "What a cold patch costs (in brackets: over blosc2 as nnssl stores and reads it)",
            (*head[:2], *(f"{kind}, {what}" for kind in kinds[2:] for what in cold)),
            [_cold_cells(row, raw, kinds[2:]) for row in rows],
        ),
        table(
            "Other ways to ask our reader, over one float32 patch after the other",
            ("asked for", *kinds),
            [
                *([way.stored, *(_patch_ratio(raw, way.key, "ours", kind) for kind in kinds)] for way in _WAYS),
                [f"{_AT_ONCE} of a volume at once", *map(statistics.median, raw["together"].values()), None, None],
            ],
        ),
        table(
            "Bytes per voxel, by volume",
            ("volume", "shape", "ours", "blosc2 float32 (nnssl)", "blosc2 float16", "ours over nnssl"),
            _by_volume(raw),
        ),
    ]


def _main_cells(row: Row, raw: Mapping[str, Any], kinds: Sequence[str]) -> list[Cell]:
    total = raw["total_bytes"][row.written_by]
    psnr_db = raw["reading"][row.key]["psnr_db"]
    writes = raw["write_cpu_s"].get(row.key)
    return [
        row.stored,
        row.reader,
        total / len(raw["volumes"]) / 1e6,
        total / sum(int(np.prod(shape)) for shape in raw["volumes"].values()),
        "exact" if psnr_db is None else float(psnr_db),
        statistics.median(writes) if writes else None,
        *(_with_ratio(raw, row.key, kind, "patches_per_cpu_s") for kind in kinds),
    ]


def _cold_cells(row: Row, raw: Mapping[str, Any], kinds: Sequence[str]) -> list[Cell]:
    cells: list[Cell] = [row.stored, row.reader]
    for kind in kinds:
        cells.append(statistics.median(raw["patches"][row.key][kind]["mb_from_disk"]))
        cells.append(_with_ratio(raw, row.key, kind, "patches_per_wall_s"))
    return cells


def _with_ratio(raw: Mapping[str, Any], key: str, kind: str, measure: str) -> str:
    ratio = _patch_ratio(raw, key, _NNSSL, kind, measure)
    return f"{statistics.median(raw['patches'][key][kind][measure]):,.0f} ({ratio:.2f})"


def _patch_ratio(raw: Mapping[str, Any], key: str, peer: str, kind: str, measure: str = "patches_per_cpu_s") -> float:
    return median_ratio(raw["patches"][key][kind][measure], raw["patches"][peer][kind][measure])


def _by_volume(raw: Mapping[str, Any]) -> list[list[Cell]]:
    sizes = raw["bytes_by_volume"]
    rows: list[list[Cell]] = []
    for name, shape in raw["volumes"].items():
        stored = [sizes[key][name] for key in ("ours", _NNSSL, "blosc2 float16")]
        voxels = int(np.prod(shape))
        rows.append([name, " x ".join(map(str, shape)), *(size / voxels for size in stored), stored[0] / stored[1]])
    return rows


def _bars(raw: Mapping[str, Any]) -> list[Bar]:
    kinds = [_kind(size, cold=cold) for cold in (False, True) for size in SIZES_VOXELS]
    bars = [
        Bar(f"patches of ours over {name}, {kind}", _patch_ratio(raw, "ours", peer, kind), least=least)
        for peer, name, least in (
            (_NNSSL, "blosc2 as nnssl", 1.5),
            ("zarr-python", "zarr-python on the same files", 3.0),
        )
        for kind in kinds
    ]
    reading = raw["reading"]["ours"]
    psnr_db = float("inf") if reading["psnr_db"] is None else reading["psnr_db"]
    return [
        *bars,
        Bar(
            "bytes of ours over blosc2 as nnssl",
            raw["total_bytes"]["ours"] / raw["total_bytes"][_NNSSL],
            most=1,
        ),
        Bar("lowest PSNR of ours to float32, dB", psnr_db, least=70),
        Bar("0 and 1 exact in ours (1: yes)", float(reading["ends_exact"]), least=1),
    ]


def _text(raw: Mapping[str, Any], effort: Effort) -> str:
    count = {size: sum(min(shape) >= size for shape in raw["volumes"].values()) for size in SIZES_VOXELS}
    real = "" if real_files() else " The folder of real volumes is absent: only synthetic heads were measured."
    return f"""\
The same {len(raw["volumes"])} preprocessed volumes in each format. Patches are random boxes inside a volume, the same
for all rows ({count[96]} volumes have room for 96³, {count[128]} for 128³), read by one process into float32 memory of
their own; medians over {effort.rounds} rounds, in each of which every row has its turn; a ratio is the median of the
rounds' ratios.{real}

- *Warm*: the files are in the page cache. *Cold*: before each patch the page cache is told to forget all files of the
  format (`posix_fadvise` with `DONTNEED`; they were flushed with `fsync` after writing), and what the process then
  fetched from the disk is counted. Disks differ, and a host may cache what a guest forgot: compare wall seconds with
  care.
- *CPU s to write* is per volume, the conversion from float32 included, flushing not.
- *PSNR* is the lowest of all volumes, with a peak of 1, over all voxels of the volume as it is read.
- blosc2 is written and read as nnssl's dataset class does: one float32 file per volume with a channel axis, zstd
  level 8, blocks and chunks by its rule (blocks of 16³), one thread, a memory map that is opened for each patch.
- A patch from MDS or WebDataset costs reading and decoding its whole sample: that is the nature of these formats,
  which are made for samples that are used whole.
- The rows read by the *reader of this benchmark* show the choice: they differ from ours in what the row says and in
  nothing else, and one small reader reads them all.
- Our reader, zarrs, tensorstore and the small reader remember where the chunks of a volume lie once they have read
  it; ours opens the file anew for each patch. A table below says what a volume's first patch costs."""


if __name__ == "__main__":
    sys.exit(main())
