"""A chart of the differences: a dot and an interval per comparison, as SVG in the colours of the page around it."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from brains45k.report.svg import INK, LINE_COLOURS, page_style, svg_element
from brains45k.segmentation.statistics import Difference
from brains45k.segmentation.table import Row
from brains45k.segmentation.table_text import difference_text, is_clear, p_text, row_text, value_text

_WIDTH_INCHES = 4.6
_ROW_INCHES, _EDGE_INCHES = 0.4, 0.6
_MARGIN = 0.08
# Each name stands above its line, as a share of a row, and may be as long as the chart is wide.
_NAME_ABOVE = 0.22
_MOST_LETTERS = 60
# A stand-in that Matplotlib takes, for the colour of the page.
_PAPER = "#010208"


def difference_chart(rows: Sequence[Row]) -> str:
    """Draw the difference of each row that has one, the first on top; nothing where no row has.

    A dot is filled where the difference is clear (:func:`brains45k.segmentation.table_text.is_clear`), hollow where it
    is not, and a cross where there was no test.

    Returns
    -------
    str
        An ``<svg>`` element for a page that defines ``--paper``, ``--line`` and ``--first``; the same bytes each time.
    """
    shown = [(row, row.difference) for row in rows if row.difference]
    if not shown:
        return ""
    with page_style():
        figure = Figure(figsize=(_WIDTH_INCHES, _EDGE_INCHES + _ROW_INCHES * len(shown)), layout="constrained")
        axes = figure.add_subplot()
        for place, (row, difference) in enumerate(shown):
            _name(axes, place, row_text(row))
            _draw(axes, place, difference)
        _scale(axes, [row for row, _ in shown])
        return svg_element(figure, "differences").replace(_PAPER, "var(--paper)")


def chart_sentences(rows: Sequence[Row]) -> list[str]:
    """Say in words what the chart shows, a sentence per comparison."""
    return [
        f"{row_text(row)}: {difference_text(found, row.metric)}, corrected p {p_text(found.p_corrected)}."
        for row in rows
        if (found := row.difference)
    ]


def _name(axes: Axes, place: int, text: str) -> None:
    shortened = text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 3]}..."
    name = axes.text(0, place - _NAME_ABOVE, shortened, transform=axes.get_yaxis_transform(), parse_math=False)
    # The lines of the grid do not run through it.
    name.set_bbox({"facecolor": _PAPER, "edgecolor": "none", "pad": 0.5})
    name.set_in_layout(False)


def _draw(axes: Axes, place: int, difference: Difference) -> None:
    colour = LINE_COLOURS[0]
    if difference.low is not None and difference.high is not None:
        axes.plot([difference.low, difference.high], [place, place], color=colour, linewidth=1.6)
    if difference.p_corrected is None:
        axes.plot(difference.mean, place, "x", color=colour, markersize=5, markeredgewidth=1.6)
        return
    # A hollow dot hides the line behind it by the colour of the page.
    face = colour if is_clear(difference) else _PAPER
    axes.plot(difference.mean, place, "o", color=colour, markerfacecolor=face, markersize=5, markeredgewidth=1.6)


def _scale(axes: Axes, rows: Sequence[Row]) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.5, -0.75)
    axes.margins(x=_MARGIN)
    metric = rows[0].metric
    axes.set_xlabel(f"{metric.title}, pretrained minus scratch; right of 0 pretraining is better")
    axes.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: value_text(value, metric, signed=True)))
