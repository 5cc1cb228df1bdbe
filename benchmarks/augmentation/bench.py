"""Compare our augmentations with Yucca's on the CPU: seconds of a sample by part, expected cost of the preset "all".

    python benchmarks/augmentation/bench.py --peer-python PATH --out FILE.json [--quick]

Exit codes: 0 every bar was met, 1 one was missed (a line says which).
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from augmentation.agreement import agreement_bar, agreement_table, compare
from augmentation.parts import AFFINE, BASE, CHANCES, ELASTIC, PARTS
from common import Bar, Cell, Peer, median_ratio, open_peer, parse_call, table, write_result

_HERE = Path(__file__).parent
_LEAST = 10.0
_BATCH = 8
_YUCCA = "Yucca"
#: Name of each of our sides: samples at once, and how warped ones are read.
OURS = {
    "ours, batch of 8": (_BATCH, "linear"),
    "ours, batch of 1": (1, "linear"),
    "ours, batch of 8, cubic": (_BATCH, "cubic"),
}
_BARRED = ("ours, batch of 8", "ours, batch of 1")
_TEXT = """\
One sample: a source patch of the size that warping asks for becomes image and target. Yucca's side is what AMAES
composes for its preset `all`, on NumPy and SciPy, with a cubic spline; ours is `augment`, on PyTorch, linear as it is
by default and cubic. Each part is timed by itself with parameters drawn anew for each sample; the expected cost adds
them up as often as they come. What is always done is the cut (Yucca: a cubic interpolation), the copy for the target,
and drawing all parameters. Seconds are medians over the rounds ({rounds}) of the mean over {samples} samples (Yucca:
{yucca_samples}), one thread, each side in a process of its own, in turns. On a GPU nothing was measured."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    sizes: tuple[int, ...]
    rounds: int
    samples: int
    yucca_samples: int


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of a sample at one size: for each side and part, one per round; what is always done is taken off parts.

    ``drawn`` holds the preset as it is, averaged over random samples, for our sides.
    """

    size: int
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    drawn: dict[str, list[float]] = field(default_factory=dict)

    def expected(self, side: str) -> list[float]:
        """Return the expected cost of the preset, one per round."""
        parts = self.seconds[side]
        rounds = range(len(parts[BASE]))
        return [sum(CHANCES[part] * seconds[one] for part, seconds in parts.items()) for one in rounds]


_FULL = Effort(sizes=(96, 128), rounds=5, samples=8, yucca_samples=4)
_QUICK = Effort(sizes=(64,), rounds=1, samples=8, yucca_samples=1)


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    effort = _QUICK if call.quick else _FULL
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sides = {side: stack.enter_context(open_peer(Path(sys.executable), _HERE / "ours.py")) for side in OURS}
        yucca = stack.enter_context(open_peer(call.peer_python, _HERE / "peer.py"))
        ours = next(iter(sides.values()))
        agreement = compare(ours, yucca, Path(folder))
        timed = [time_size(size, sides, yucca, effort) for size in effort.sizes]
        versions = ours.ask("versions") | {f"peer's {name}": found for name, found in yucca.ask("versions").items()}
    return write_result(
        call.out,
        benchmark="augmentation",
        title="Augmentation",
        text=_TEXT.format(**asdict(effort)),
        versions=versions,
        tables=[expected_table(timed), *(part_table(one) for one in timed), agreement_table(agreement)],
        bars=[*(bar for one in timed for bar in bars_of(one)), agreement_bar(agreement)],
        raw={"effort": asdict(effort), "timed": [asdict(one) for one in timed], "agreement": agreement},
    )


def time_size(size: int, sides: Mapping[str, Peer], yucca: Peer, effort: Effort) -> Timed:
    """Time all parts of all sides at one size, in turns."""
    timed = Timed(size, {side: {part: [] for part in PARTS} for side in (_YUCCA, *OURS)}, {side: [] for side in OURS})
    # What is made once, such as the source, belongs to no part.
    yucca.ask("cost", part=BASE, size=size, samples=1, seed=0)
    for side, peer in sides.items():
        peer.ask("cost", **_call(side, part="all", size=size, samples=_BATCH, first_key=0))
    for number in range(effort.rounds):
        first_key = 1000 * number
        for part in PARTS:
            theirs = yucca.ask("cost", part=part, size=size, samples=effort.yucca_samples, seed=first_key)
            timed.seconds[_YUCCA][part].append(theirs)
            for side, peer in sides.items():
                call = _call(side, part=part, size=size, samples=effort.samples, first_key=first_key)
                timed.seconds[side][part].append(peer.ask("cost", **call))
        for side, peer in sides.items():
            _take_off_base(timed.seconds[side], number)
            call = _call(side, part="all", size=size, samples=4 * effort.samples, first_key=first_key)
            timed.drawn[side].append(peer.ask("cost", **call))
        _take_off_base({part: timed.seconds[_YUCCA][part] for part in (BASE, AFFINE, ELASTIC)}, number)
    return timed


def _call(side: str, **more: Any) -> dict[str, Any]:
    batch, interpolation = OURS[side]
    return {"batch": batch, "interpolation": interpolation, **more}


def _take_off_base(parts: Mapping[str, list[float]], number: int) -> None:
    """Leave of the parts that were timed together with what is always done only what they add to it."""
    for part, seconds in parts.items():
        if part != BASE:
            seconds[number] -= parts[BASE][number]


def expected_table(timed: list[Timed]) -> dict[str, Any]:
    """Make the table of the preset's expected cost."""
    rows: list[list[Cell]] = []
    for one in timed:
        theirs = one.expected(_YUCCA)
        rows.append([f"{one.size}^3", _YUCCA, _ms(theirs), None, 1 / statistics.median(theirs), 1.0])
        for side in OURS:
            cost = one.expected(side)
            rate = 1 / statistics.median(cost)
            rows.append([f"{one.size}^3", side, _ms(cost), _ms(one.drawn[side]), rate, median_ratio(theirs, cost)])
    columns = ("patch", "side", "expected, ms", "drawn, ms", "patches per second and core", "Yucca / it")
    return table('The preset "all": CPU time of a sample, expected, and measured over random samples', columns, rows)


def part_table(timed: Timed) -> dict[str, Any]:
    """Make the table of the parts at one size."""
    rows: list[list[Cell]] = []
    for part in PARTS:
        costs = {side: timed.seconds[side][part] for side in (_YUCCA, *OURS)}
        rows.append([part, CHANCES[part], *(_ms(seconds) for seconds in costs.values())])
    columns = ("part", "how often", *(f"{side}, ms" for side in (_YUCCA, *OURS)))
    return table(f"Parts at {timed.size}^3: what each adds to a sample that draws it", columns, rows)


def bars_of(timed: Timed) -> list[Bar]:
    """Return the bars of one size."""
    theirs = timed.expected(_YUCCA)
    return [
        Bar(f"{timed.size}^3, {side}: Yucca / ours", median_ratio(theirs, timed.expected(side)), least=_LEAST)
        for side in _BARRED
    ]


def _ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
