"""The curves of a run as SVG that takes its colours from the page around it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from brains45k.report.svg import INK, LINE_COLOURS, page_style, svg_element

Row = Mapping[str, Any]
Array = npt.NDArray[np.float64]
Line = tuple[Array, Array]

_SIZE_INCHES = (4.6, 2.7)
_MOST_POINTS = 400
_MOST_DOTS = 60
_LOG_RATIO = 10.0
_MOST_RATIO_WITH_STEPS = 1e3
# Above the lower edge, as a share of the axis.
_BROKEN_HEIGHT = 0.04
# Lines differ by their stroke, too: not everybody sees the colours.
_STROKES = ("solid", "solid", "dashed")
_DOTS = (None, "o", None)


@dataclass(frozen=True, slots=True)
class Chart:
    """One pair of axes.

    Attributes
    ----------
    name, title : str
        For the page's code and for its reader.
    lines : mapping of str to str
        Column of the history, and what the line is called.
    percent : bool
        Whether shares are written as percent.
    from_zero : bool
        Whether the axis begins at 0; else it is logarithmic where values span more than a decade.
    """

    name: str
    title: str
    lines: Mapping[str, str]
    percent: bool = False
    from_zero: bool = True


@dataclass(frozen=True, slots=True)
class Curve:
    """A chart that was drawn.

    Attributes
    ----------
    name, title : str
        Of the chart.
    svg : str
        An ``<svg>`` element to stand inside a page that defines ``--line``, ``--first``, ``--second`` and ``--third``;
        empty where the history has no value.
    sentences : tuple of str
        What the curve shows, in words.
    """

    name: str
    title: str
    svg: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A line, thinned: each point is the mean of the finite values of one piece of the history.

    Attributes
    ----------
    steps, means, lows, highs : numpy.ndarray
        One for each piece: its first step; mean, smallest and largest value, NaN where none is finite.
    broken : numpy.ndarray
        Whether a piece has a value that is not finite.
    """

    steps: Array
    means: Array
    lows: Array
    highs: Array
    broken: npt.NDArray[np.bool_]


CHARTS: Final = (
    Chart(
        "loss",
        "Loss",
        {"train_loss": "training", "val_loss": "validation", "mean_loss": "predicting the mean"},
        from_zero=False,
    ),
    Chart("learning_rate", "Learning rate", {"learning_rate": "learning rate"}),
    Chart("patches_per_s", "Patches per second", {"patches_per_s": "patches per second"}),
    Chart("waiting_share", "Share of the time that the device waited", {"waiting_share": "waiting"}, True),
)


def draw_curves(history: Iterable[Row], *, resumed_at_steps: Sequence[int] = ()) -> list[Curve]:
    """Draw loss, learning rate, patches per second and waiting share over the steps; the same bytes each time.

    Parameters
    ----------
    history : iterable of mapping
        Rows with ``step`` and any of the charts' columns; a value may be absent or None. Rows of training and of
        validation may alternate.
    resumed_at_steps : sequence of int
        Marked in the loss's chart.
    """
    rows = list(history)
    return [_draw(chart, rows, resumed_at_steps if chart.name == "loss" else ()) for chart in CHARTS]


def series(rows: Iterable[Row], column: str) -> Line:
    """Return the steps, ascending, and values of a column, without the rows that lack either."""
    pairs = [(row["step"], row[column]) for row in rows if None not in (row.get("step"), row.get(column))]
    values = np.array(pairs, float).reshape(-1, 2)
    steps, column_values = values[np.argsort(values[:, 0], kind="stable")].T
    return steps, column_values


def thin(steps: Array, values: Array, *, most_points: int = _MOST_POINTS) -> Points:
    """Cut a line into at most ``most_points`` pieces of equal length, one value each where there are few."""
    count = min(len(steps), most_points)
    pieces = np.array_split(values, count) if count else []
    finite = [piece[np.isfinite(piece)] for piece in pieces]
    starts = [piece[0] for piece in np.array_split(steps, count)] if count else []
    return Points(
        steps=np.array(starts),
        means=np.array([piece.mean() if piece.size else np.nan for piece in finite]),
        lows=np.array([piece.min() if piece.size else np.nan for piece in finite]),
        highs=np.array([piece.max() if piece.size else np.nan for piece in finite]),
        broken=np.array([len(kept) < len(piece) for kept, piece in zip(finite, pieces, strict=True)], bool),
    )


def number_text(value: float) -> str:
    """Write a whole number in full, any other with four digits or all those before the point.

    >>> number_text(0.0123456), number_text(12345.6), number_text(17879617)
    ('0.01235', '12,346', '17,879,617')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    grouped = isinstance(value, int) or 1e3 <= abs(value) < 1e6  # noqa: PLR2004 - beyond, digits say nothing
    return f"{value:,.0f}" if grouped else f"{value:.4g}"


def percent_text(value: float) -> str:
    """Write a share as percent."""
    return f"{number_text(100.0 * value)} %" if math.isfinite(value) else number_text(value)


def _draw(chart: Chart, rows: Sequence[Row], resumed_at_steps: Sequence[int]) -> Curve:
    lines = {column: series(rows, column) for column in chart.lines}
    if not any(len(values) for _, values in lines.values()):
        return Curve(chart.name, chart.title, "", ("Not measured.",))
    points = {column: thin(*line) for column, line in lines.items()}
    with page_style():
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        _fill(figure.add_subplot(), chart, points, resumed_at_steps)
        svg = svg_element(figure, chart.name)
    return Curve(chart.name, chart.title, svg, tuple(_sentences(chart, lines)))


def _fill(axes: Axes, chart: Chart, points: Mapping[str, Points], resumed_at_steps: Sequence[int]) -> None:
    for number, (column, label) in enumerate(chart.lines.items()):
        _plot_line(axes, points[column], number, label)
    broken = np.concatenate([line.steps[line.broken] for line in points.values()])
    if broken.size:
        heights = np.full(broken.shape, _BROKEN_HEIGHT)
        axes.plot(broken, heights, "x", color=INK, transform=axes.get_xaxis_transform(), label="not finite")
    for number, step in enumerate(resumed_at_steps):
        axes.axvline(step, color=INK, linestyle="dotted", linewidth=1, label=None if number else "resumed")
    _scale(axes, chart, points)
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) > 1 or broken.size:
        axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)


def _plot_line(axes: Axes, line: Points, number: int, label: str) -> None:
    finite = np.isfinite(line.means)
    if not finite.any():
        return
    colour, stroke = LINE_COLOURS[number], _STROKES[number]
    alone = np.count_nonzero(finite) == 1
    if alone and stroke == "dashed":
        axes.axhline(line.means[finite][0], color=colour, linestyle=stroke, label=label)
        return
    # A line of one point would not be seen.
    marker = "o" if alone or (_DOTS[number] and len(line.steps) <= _MOST_DOTS) else None
    axes.plot(line.steps, line.means, color=colour, linestyle=stroke, marker=marker, markersize=3.5, label=label)
    if (line.lows < line.highs).any():
        axes.fill_between(line.steps, line.lows, line.highs, color=colour, alpha=0.25, linewidth=0)


def _scale(axes: Axes, chart: Chart, points: Mapping[str, Points]) -> None:
    _scale_steps(axes, np.concatenate([line.steps for line in points.values()]))
    lows, highs = (np.concatenate([getattr(line, edge) for line in points.values()]) for edge in ("lows", "highs"))
    finite = np.isfinite(lows)
    if chart.from_zero:
        axes.set_ylim(bottom=0)
    elif finite.any() and 0 < lows[finite].min() < highs[finite].max() / _LOG_RATIO:
        few = highs[finite].max() / lows[finite].min() < _MOST_RATIO_WITH_STEPS
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    text = percent_text if chart.percent else number_text
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))


def _scale_steps(axes: Axes, steps: Array) -> None:
    axes.set_xlabel("step")
    if steps.min() == steps.max():
        axes.set_xlim(steps[0] - 1, steps[0] + 1)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _sentences(chart: Chart, lines: Mapping[str, Line]) -> Iterator[str]:
    text = percent_text if chart.percent else number_text
    for column, (steps, values) in lines.items():
        if not len(values):
            continue
        name = chart.lines[column].capitalize()
        yield f"{name}: {_course(steps, values, text)}."
        if bad := np.count_nonzero(~np.isfinite(values)):
            yield f"{name}: {bad:,} of {len(values):,} values are not finite."
    longest = max(len(steps) for steps, _ in lines.values())
    if longest > _MOST_POINTS:
        yield f"A point is the mean of up to {-(-longest // _MOST_POINTS):,} values; the band spans all of them."


def _course(steps: Array, values: Array, text: Callable[[float], str]) -> str:
    if len(values) == 1:
        return f"{text(values[0])} at step {steps[0]:,.0f}"
    if (values == values[0]).all():
        return f"{text(values[0])} from step {steps[0]:,.0f} to {steps[-1]:,.0f}"
    finite = values[np.isfinite(values)]
    ends = f"from {text(values[0])} at step {steps[0]:,.0f} to {text(values[-1])} at step {steps[-1]:,.0f}"
    return f"{ends}; lowest {text(finite.min())}, highest {text(finite.max())}" if finite.size else ends
