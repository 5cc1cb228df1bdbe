"""Charts of the reports: drawn by Altair when a page is made, so that the page needs no script for them.

A chart is an ``<svg>`` in the colours of the page. Nothing is told by colour alone: parts differ by a pattern, and each
number stands beside its bar.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import altair as alt
import vl_convert
from markupsafe import Markup, escape

from brains45k.report.numbers import Distribution, Histogram, Outlier, SequenceCount, SourceNumbers, Step

_WIDTH_PIXELS = 360
_STEP_PIXELS = 30
_SMALL_PIXELS = (250, 90)
_LABELS = 4
# Stand-ins that Vega takes, and what the page puts there.
_INK, _FAINT, _RULE = "#010203", "#010204", "#010205"
_FIRST, _HATCHED, _SECOND = "#010206", "#010207", "#010208"
_COLOURS: Final[Mapping[str, str]] = {
    _INK: "currentColor",
    _FAINT: "var(--faint)",
    _RULE: "var(--line)",
    _FIRST: "var(--first)",
    _SECOND: "var(--second)",
}
_HATCH = (
    '<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--panel)"/>'
    '<rect width="2" height="6" fill="var(--faint)"/></pattern></defs>'
)
_AXIS = {
    "labelColor": _INK,
    "titleColor": _FAINT,
    "domainColor": _RULE,
    "tickColor": _RULE,
    "gridColor": _RULE,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "labelLimit": 240,
}
_CONFIG: Final[Mapping[str, Any]] = {
    "background": "transparent",
    # Browsers have other fonts than the one that Vega measures.
    "padding": {"left": 24, "right": 24, "top": 5, "bottom": 5},
    "aria": False,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "text": {"color": _INK, "fontSize": 12},
}


def funnel_chart(steps: Sequence[Step], *, name: str) -> Markup:
    """Draw what each step let pass, and hatched what it lost.

    Parameters
    ----------
    steps : sequence of Step
        From what was found to what is kept.
    name : str
        Unique in the page.

    Returns
    -------
    Markup
        An ``<svg>``.
    """
    bars = [_part(step.name, "passed", step.count, 0) for step in steps]
    bars += [_part(step.name, "lost", step.lost, step.count) for step in steps if step.lost]
    labels = [_label(step.name, step.count + step.lost, _funnel_text(step)) for step in steps]
    sentences = (f"{step.name} {_funnel_text(step)}" for step in steps)
    return _bars(bars, labels, name=name, title="From found to kept", sentences=sentences)


def sources_chart(sources: Mapping[str, SourceNumbers], *, name: str) -> Markup:
    """Draw what each source gave to the corpus, and hatched what the selection took beyond it."""
    bars, labels, sentences = [], [], []
    for source, numbers in sources.items():
        kept = numbers.accounts.kept
        lost = max(0, _selected(numbers) - kept)
        bars += [_part(source, "passed", kept, 0), _part(source, "lost", lost, kept)]
        labels.append(_label(source, kept + lost, f"{kept:,} kept" + (f", {lost:,} lost" if lost else "")))
        sentences.append(f"{source} {labels[-1]['text']}")
    return _bars(bars, labels, name=name, title="What each source gave", sentences=sentences)


def sequence_chart(sequences: Sequence[SequenceCount], *, name: str) -> Markup:
    """Draw how many volumes of each sequence are kept; sequences without any are left to the table."""
    kept = [sequence for sequence in sequences if sequence.kept]
    bars = [_part(sequence.label, "passed", sequence.kept, 0) for sequence in kept]
    labels = [_label(sequence.label, sequence.kept, f"{sequence.kept:,}") for sequence in kept]
    sentences = (f"{sequence.label} {sequence.kept:,}" for sequence in kept)
    return _bars(bars, labels, name=name, title="Kept volumes by sequence", sentences=sentences)


def histogram_chart(distribution: Distribution, outliers: Iterable[Outlier], *, name: str) -> Markup:
    """Draw how a quantity is spread: bars, a line at the median, and a triangle at each outlier.

    Parameters
    ----------
    distribution : Distribution
        With at least one value.
    outliers : iterable of Outlier
        Those that differ in this quantity.
    name : str
        Unique in the page.
    """
    histogram, five = distribution.histogram, distribution.five
    if histogram is None or five is None:
        msg = f"{distribution.column}: no value to draw."
        raise ValueError(msg)
    values = sorted({float(f"{outlier.value:.3g}") for outlier in outliers})
    x = _histogram_axis(histogram, distribution.unit)
    most = max(histogram.counts)
    # Vega would put labels such as 0.5 beside counts of one or two.
    ticks = alt.Axis(values=sorted({0, most // 2, most}), format=",d", domain=False)
    y = alt.Y("count:Q", title=None, scale=alt.Scale(domainMin=0), axis=ticks)
    bins = zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True)
    drawn = [{"value": low, "high": high, "count": count, "base": 0} for low, high, count in bins]
    bars = alt.Chart(alt.InlineData(values=drawn))
    median = alt.Chart(_values([five.median])).mark_rule(color=_INK, strokeDash=[4, 2], strokeWidth=1.5)
    width, height = _SMALL_PIXELS
    marks = alt.Chart(_values(values)).mark_point(shape="triangle-up", color=_SECOND, filled=True, opacity=1, size=60)
    layers = [
        bars.mark_bar(color=_FIRST).encode(x=x, x2="high:Q", y=y, y2="base:Q"),
        median.encode(x=x),
        marks.encode(x=x, y=alt.value(height - 5)),
    ]
    chart = alt.LayerChart(layer=layers).properties(width=width, height=height)
    unit = f" {distribution.unit}" if distribution.unit else ""
    sentences = [
        f"{distribution.count:,} volumes from {five.minimum:.4g} to {five.maximum:.4g}{unit}",
        f"half of them between {five.lower_quartile:.4g} and {five.upper_quartile:.4g}, median {five.median:.4g}",
        f"{len(values):,} different values of outliers are marked",
    ]
    return _svg(chart, name=name, title=distribution.title, sentences=sentences)


def _histogram_axis(histogram: Histogram, unit: str) -> alt.X:
    """Return the axis of a quantity; a logarithmic one is labelled at round edges that do not touch."""
    edges = histogram.edges
    kind: Literal["log", "linear"] = "log" if histogram.log else "linear"
    scale = alt.Scale(type=kind, domain=[edges[0], edges[-1]], nice=False, clamp=True)
    places = range(0, len(edges), max(1, len(edges) // _LABELS))
    ticks = {"values": [edges[place] for place in places]} if histogram.log else {"tickCount": _LABELS}
    return alt.X("value:Q", scale=scale, title=unit or None, axis=alt.Axis(**ticks, grid=False, format=",.6~g"))


def _values(values: Iterable[float]) -> alt.InlineData:
    return alt.InlineData(values=[{"value": value} for value in values])


def _part(label: str, part: str, count: int, start: int) -> dict[str, Any]:
    return {"label": label, "part": part, "start": start, "end": start + count}


def _label(label: str, end: int, text: str) -> dict[str, Any]:
    return {"label": label, "end": end, "text": text}


def _funnel_text(step: Step) -> str:
    return f"{step.count:,}" + (f", lost {step.lost:,}" if step.lost else "")


def _selected(numbers: SourceNumbers) -> int:
    return next(step.count for step in numbers.funnel if step.name == "selected")


def _bars(bars: list[Any], labels: list[Any], *, name: str, title: str, sentences: Iterable[str]) -> Markup:
    """Draw one line of bars per label, in the order of the labels, with a text behind each."""
    # Room for the texts behind the bars: at 12 pixels they are about 7 pixels a character.
    longest = max((len(label["text"]) for label in labels), default=0)
    most = max((label["end"] for label in labels), default=0) or 1
    scale = alt.Scale(domain=[0, most], range=[0, _WIDTH_PIXELS - 7 * longest - 10], nice=False)
    line = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=8))
    colour = alt.Color("part:N", legend=None, scale=alt.Scale(domain=["passed", "lost"], range=[_FIRST, _HATCHED]))
    x = alt.X("start:Q", scale=scale, axis=None)
    drawn = alt.Chart(alt.InlineData(values=bars)).mark_bar(size=18).encode(y=line, x=x, x2="end:Q", color=colour)
    texts = alt.Chart(alt.InlineData(values=labels)).mark_text(align="left", dx=6)
    texts = texts.encode(y=line, x=alt.X("end:Q", scale=scale, axis=None), text="text:N")
    height = max(1, len(labels)) * _STEP_PIXELS
    chart = alt.LayerChart(layer=[drawn, texts]).properties(width=_WIDTH_PIXELS, height=height)
    return _svg(chart, name=name, title=title, sentences=sentences)


def _svg(chart: alt.LayerChart, *, name: str, title: str, sentences: Iterable[str]) -> Markup:
    """Render a chart in the page's colours, with a title and a description for those who do not see it."""
    specification = chart.configure(**_CONFIG).to_dict()
    text = vl_convert.vegalite_to_svg(specification)
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    text = text.replace(_HATCHED, f"url(#{name}-hatch)")
    head = f'<svg id="{name}" role="img" aria-labelledby="{name}-title {name}-desc" '
    description = ". ".join(sentences)
    named = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}.</desc>'
    start, content = text.removeprefix("<svg ").split(">", 1)
    # Vega wrote it, of numbers and of text that it escaped.
    return Markup(head + start + ">" + named + _HATCH.format(name=name) + content)  # noqa: S704
