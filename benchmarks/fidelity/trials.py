"""Run every resampler over the phantoms, and make tables and bars of what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import Bar, table
from phantoms import GRIDS, Grid, grating, measure_grating, measure_sphere, spheres
from tools import OURS, PEERS, Resampler

#: One measured phantom: its description, and for each tool its figures.
Trial = dict[str, Any]

BAR_CENTRE_VOXELS = 0.05
_ROUNDING_VOXELS = 0.001
_ROUNDING = 0.005
_PARTS = (0.2, 0.4, 0.6, 0.8, 1.2, 1.4, 1.6, 1.8)
_SHOWN_PARTS = (0.2, 0.4, 0.8)
_WORTH_SHOWING = 0.01
_AXES = {0: "in the slices", 2: "through the slices"}


@dataclass(frozen=True, slots=True)
class Summary:
    """The worst figures of one tool on one grid: errors in parts of the contrast, centres in voxels."""

    grid: str
    tool: str
    soft_edge: float
    hard_edge: float
    centre_inside: float
    centre_at_ends: float
    overshoot: float


def try_spheres(tools: Mapping[str, Resampler], grids: Sequence[Grid] = GRIDS) -> list[Trial]:
    """Resample each ball with each tool."""
    trials = []
    for grid in grids:
        for sphere in spheres(grid):
            given = sphere.sample(grid)
            measured = {
                name: measure_sphere(sphere, given, grid, *tool(given, grid.affine)) for name, tool in tools.items()
            }
            edge = "soft" if sphere.blur_mm else "hard"
            trials.append(
                {
                    "grid": grid.name,
                    "edge": edge,
                    "radius_mm": sphere.radius_mm,
                    "at_the_ends": sphere.at_the_ends,
                    "tools": measured,
                }
            )
    return trials


def try_gratings(tools: Mapping[str, Resampler], grids: Sequence[Grid] = GRIDS) -> list[Trial]:
    """Resample each grating with each tool."""
    trials = []
    for grid, axis, part in ((grid, axis, part) for grid in grids for axis in _AXES for part in _PARTS):
        wave = grating(grid, axis, part)
        if wave is not None:
            given = wave.sample(grid)
            measured = {name: measure_grating(wave, *tool(given, grid.affine)) for name, tool in tools.items()}
            trials.append({"grid": grid.name, "axis": axis, "part": part, "tools": measured})
    return trials


def summarise_spheres(trials: Sequence[Trial]) -> list[Summary]:
    """Return the worst figures of each tool on each grid."""
    return [
        _summarise(grid, name, [trial for trial in trials if trial["grid"] == grid])
        for grid in dict.fromkeys(trial["grid"] for trial in trials)
        for name in (OURS, *PEERS)
    ]


def sphere_table(summaries: Sequence[Summary]) -> dict[str, Any]:
    """Make a table of the worst figures of each tool on each grid."""
    columns = (
        "grid, mm", "tool", "edge error, soft", "edge error, hard", "centre moved, inside the range",
        "centre moved, at its ends", "overshoot",
    )  # fmt: skip
    rows = [
        (
            row.grid, row.tool, _percent(row.soft_edge), _percent(row.hard_edge), f"{row.centre_inside:.4f}",
            f"{row.centre_at_ends:.4f}", _percent(row.overshoot),
        )
        for row in summaries
    ]  # fmt: skip
    return table("Spheres: the worst of each tool on each grid; centres in voxels", columns, rows)


def grating_tables(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Make tables of the amplitude kept below the target's Nyquist frequency, and of what is not the grating."""
    below = [trial for trial in trials if trial["part"] in _SHOWN_PARTS]
    above = [trial for trial in trials if trial["part"] > 1]
    impure = [trial for trial in below if any(row["spurious"] >= _WORTH_SHOWING for row in trial["tools"].values())]
    return [
        _grating_table("Gratings below the target's Nyquist frequency: amplitude kept", below, "kept"),
        _grating_table("The same, where 1% or more of the energy is no grating", impure, "spurious"),
        _grating_table("Gratings above the target's Nyquist frequency: energy that survives as alias", above, "energy"),
    ]


def bars(summaries: Sequence[Summary], trials: Sequence[Trial]) -> list[Bar]:
    """Return what our resampling has to reach on the phantoms.

    Where a peer buys a better figure with a worse one in another, it sets no bar: then ours has to be the best
    among the tools that are as good as ours in the other figures of that grid.
    """
    ours = [row for row in summaries if row.tool == OURS]
    return [
        Bar(
            "our centre of mass moved, voxels",
            max(max(row.centre_inside, row.centre_at_ends) for row in ours),
            most=BAR_CENTRE_VOXELS,
        ),
        Bar(
            "the same, more than the best peer's, inside the range",
            max(_behind(row, _others(row, summaries), "centre_inside") for row in ours),
            most=_ROUNDING_VOXELS,
        ),
        Bar(
            "the same, more than the best peer's with our edge error and overshoot, at the ends of the range",
            max(
                _behind(row, [peer for peer in _others(row, summaries) if _keeps_edges(peer, row)], "centre_at_ends")
                for row in ours
            ),
            most=_ROUNDING_VOXELS,
        ),
        Bar(
            "our surviving alias, more than the best peer's that keeps as much below the Nyquist frequency",
            max((_alias_behind(trial, trials) for trial in trials if trial["part"] > 1), default=0),
            most=_ROUNDING,
        ),
    ]


def _summarise(grid: str, name: str, trials: Sequence[Trial]) -> Summary:
    figures = [(trial, trial["tools"][name]) for trial in trials]
    return Summary(
        grid=grid,
        tool=name,
        soft_edge=max(figure["edge"] for trial, figure in figures if trial["edge"] == "soft"),
        hard_edge=max(figure["edge"] for trial, figure in figures if trial["edge"] == "hard"),
        centre_inside=max(figure["centre"] for trial, figure in figures if not trial["at_the_ends"]),
        centre_at_ends=max(figure["centre"] for trial, figure in figures if trial["at_the_ends"]),
        overshoot=max(figure["overshoot"] for trial, figure in figures if trial["at_the_ends"]),
    )


def _others(row: Summary, summaries: Sequence[Summary]) -> list[Summary]:
    return [peer for peer in summaries if peer.grid == row.grid and peer.tool != OURS]


def _behind(row: Summary, peers: Sequence[Summary], measure: str) -> float:
    """Return how much worse ours is than the best of some peers; 0 if none is better."""
    ours = float(getattr(row, measure))
    return max(0.0, ours - min((float(getattr(peer, measure)) for peer in peers), default=ours))


def _keeps_edges(peer: Summary, ours: Summary) -> bool:
    return all(
        getattr(peer, measure) <= getattr(ours, measure) + _ROUNDING
        for measure in ("soft_edge", "hard_edge", "overshoot")
    )


def _alias_behind(trial: Trial, trials: Sequence[Trial]) -> float:
    """Return how much more alias ours leaves than the best peer that is as sharp on that axis of that grid."""
    below = [
        other["tools"]
        for other in trials
        if (other["grid"], other["axis"]) == (trial["grid"], trial["axis"]) and other["part"] < 1
    ]
    sharp = [name for name in PEERS if all(tools[name]["kept"] >= tools[OURS]["kept"] - _ROUNDING for tools in below)]
    tools = trial["tools"]
    return float(max(0.0, tools[OURS]["energy"] - min((tools[name]["energy"] for name in sharp), default=1)))


def _grating_table(title: str, trials: Sequence[Trial], measure: str) -> dict[str, Any]:
    """One row a grating, one column a tool."""
    columns = ("grid, mm", "direction", "frequency / Nyquist", OURS, *PEERS)
    rows = [
        (
            trial["grid"],
            _AXES[trial["axis"]],
            f"{trial['part']:g}",
            *(_percent(trial["tools"][name][measure]) for name in (OURS, *PEERS)),
        )
        for trial in trials
    ]
    return table(title, columns, rows)


def _percent(part: float) -> str:
    return f"{part:.1%}"
