"""CPU seconds per volume, ours against the peers', in turns."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Bar, Cell, Peer, geometric_mean, median_ratio, table

PRESETS = ("paper", "reference")
#: The peer that the bars are about: its preprocessing made BRAINS-45K.
YUCCA = "Yucca"
OTHERS = ("nnU-Net", "TorchIO", "MONAI")

_LEAST_MEAN, _LEAST = 10.0, 4.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each side takes its turn, and how many volumes a shard of ours holds."""

    rounds: int
    other_rounds: int
    real_rounds: int
    copies: int


@dataclass(frozen=True, slots=True)
class Timed:
    """One file: the seconds of each turn by side, and what was stored of it.

    Attributes
    ----------
    cpu_seconds, wall_seconds : mapping
        One per round; a side that stopped is absent. Peers have no wall seconds.
    facts : mapping
        Bytes of the file and of the stored volume, shapes.
    errors : tuple of str
        What stopped a side.
    """

    name: str
    cpu_seconds: Mapping[str, list[float]]
    wall_seconds: Mapping[str, list[float]]
    facts: Mapping[str, Any]
    errors: tuple[str, ...]

    def ratio(self, side: str, preset: str) -> float | None:
        """Return by how much ours is faster: the median over the rounds that both sides took."""
        theirs, ours = self.cpu_seconds.get(side, []), self.cpu_seconds.get(preset, [])
        shared = min(len(theirs), len(ours))
        return median_ratio(theirs[:shared], ours[:shared]) if shared else None


def time_file(
    name: str, path: Path, ours: Peer, peers: Mapping[str, Peer], work: Path, *, rounds: Mapping[str, int], copies: int
) -> Timed:
    """Time one file: in each round every peer that takes part, and both presets of ours."""
    cpu: dict[str, list[float]] = {side: [] for side in (*rounds, *PRESETS)}
    wall: dict[str, list[float]] = {preset: [] for preset in PRESETS}
    facts: dict[str, Any] = {}
    errors: list[str] = []
    for number in range(max(rounds.values())):
        for side in [side for side, count in rounds.items() if number < count]:
            answer = peers[side].ask("write", peer=side, source=str(path), target=str(work / "peer.npy"))
            if "error" in answer:
                errors += [f"{name}: {side}: {answer['error']}"] if number == 0 else []
                continue
            cpu[side].append(answer["cpu_seconds"])
        for preset in PRESETS:
            answer = ours.ask("write", source=str(path), copies=copies, preset=preset, folder=str(work / "ours"))
            if answer["reason"]:
                return Timed(name, {}, {}, facts, (f"{name}: our reader refuses it: {answer['reason']}",))
            cpu[preset].append(answer["cpu_seconds"])
            wall[preset].append(answer["wall_seconds"])
            facts[preset] = {key: answer[key] for key in ("shape", "stored_bytes")}
            facts["original_shape"] = answer["original_shape"]
    facts["source_bytes"] = path.stat().st_size
    return Timed(name, {side: seconds for side, seconds in cpu.items() if seconds}, wall, facts, tuple(errors))


def speed_table(timed: Sequence[Timed]) -> dict[str, Any]:
    """Make the table of the four geometries: seconds, and ratios to every peer."""
    columns = (
        "volume", *(f"ours, `{preset}`, s" for preset in PRESETS), "Yucca, s",
        *(f"Yucca / `{preset}`" for preset in PRESETS), *(f"{peer} / `paper`" for peer in OTHERS),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [
            one.name,
            *(statistics.median(one.cpu_seconds[side]) for side in (*PRESETS, YUCCA)),
            *(one.ratio(YUCCA, preset) for preset in PRESETS),
            *(one.ratio(peer, "paper") for peer in OTHERS),
        ]
        for one in timed
    ]
    ratios = [[one.ratio(side, preset) for one in timed] for side, preset in _pairs()]
    means: list[Cell] = [geometric_mean([value for value in column if value is not None]) for column in ratios]
    rows.append(["geometric mean", None, None, None, *means])
    return table("From a file to a stored volume: CPU seconds of one volume", columns, rows)


def real_table(timed: Sequence[Timed]) -> dict[str, Any]:
    """Make the table of the real volumes."""
    columns = ("volume", "shape", "`paper`, s", *(f"Yucca / `{preset}`" for preset in PRESETS))
    rows: list[list[Cell]] = [
        [
            one.name,
            " x ".join(map(str, one.facts["original_shape"])),
            statistics.median(one.cpu_seconds["paper"]),
            *(one.ratio(YUCCA, preset) for preset in PRESETS),
        ]
        for one in timed
        if YUCCA in one.cpu_seconds
    ]
    return table("Real volumes", columns, rows)


def speed_bars(timed: Sequence[Timed]) -> list[Bar]:
    """Return the bars: the geometric mean of the four geometries, and the worst of them, for both presets."""
    bars = []
    for preset in PRESETS:
        ratios = [one.ratio(YUCCA, preset) or 0.0 for one in timed]
        bars.append(Bar(f"`{preset}`: Yucca / ours, geometric mean", geometric_mean(ratios), least=_LEAST_MEAN))
        bars.append(Bar(f"`{preset}`: Yucca / ours, smallest", min(ratios), least=_LEAST))
    return bars


def _pairs() -> list[tuple[str, str]]:
    return [*((YUCCA, preset) for preset in PRESETS), *((peer, "paper") for peer in OTHERS)]
