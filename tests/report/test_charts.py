"""Charts: in the page's colours, readable without them, and with every number in words."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from support.synthetic_manifest import synthetic_manifest

pytest.importorskip("altair")

from brains45k.corpus.manifest import metadata_of
from brains45k.report.charts import funnel_chart, histogram_chart, sequence_chart, sources_chart
from brains45k.report.numbers import Distribution, SequenceCount, SourceNumbers, source_numbers

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def numbers() -> SourceNumbers:
    table = synthetic_manifest(700)
    return source_numbers(table.to_pandas(), metadata_of(table))


def texts(chart: str) -> list[str]:
    """Return what can be read in a chart; that it can be parsed is part of the test."""
    return [text.text or "" for text in ElementTree.fromstring(chart).iter(f"{SVG}text")]  # noqa: S314


def description(chart: str) -> str:
    return ElementTree.fromstring(chart).findtext(f"{SVG}desc") or ""  # noqa: S314


def test_the_funnel_shows_each_step_and_what_it_lost(numbers: SourceNumbers) -> None:
    chart = funnel_chart(numbers.funnel, name="funnel")
    for step in numbers.funnel:
        line = f"{step.count:,}" + (f", lost {step.lost:,}" if step.lost else "")
        assert {step.name, line} <= set(texts(chart))
        assert f"{step.name} {line}" in description(chart)


def test_what_was_lost_is_hatched_and_not_only_of_another_colour(numbers: SourceNumbers) -> None:
    chart = funnel_chart(numbers.funnel, name="funnel")
    lost = sum(step.lost > 0 for step in numbers.funnel)
    assert chart.count('fill="url(#funnel-hatch)"') == lost > 0
    assert 'id="funnel-hatch"' in chart


def test_all_colours_are_the_pages(numbers: SourceNumbers) -> None:
    column = numbers.distributions["variation"]
    outliers = [outlier for outlier in numbers.outliers.found if outlier.column == "variation"]
    for chart in (funnel_chart(numbers.funnel, name="a"), histogram_chart(column, outliers, name="b")):
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', chart))
        assert {colour for colour in colours if not colour.startswith(("var(", "url("))} <= {
            "currentColor", "none", "transparent",
        }  # fmt: skip


def test_a_chart_is_the_same_each_time(numbers: SourceNumbers) -> None:
    assert funnel_chart(numbers.funnel, name="a") == funnel_chart(numbers.funnel, name="a")


def test_sources_and_sequences_are_named_with_their_counts(numbers: SourceNumbers) -> None:
    chart = sources_chart({"one": numbers, EVIL: numbers}, name="sources")
    assert {"one", EVIL, f"{numbers.accounts.kept:,} kept, {567 - numbers.accounts.kept:,} lost"} <= set(texts(chart))
    sequences = [SequenceCount(EVIL, EVIL, None, 1234, 0, 0), SequenceCount("T2w", "T2w", None, 0, 5, 5)]
    shown = texts(sequence_chart(sequences, name="sequences"))
    assert {EVIL, "1,234"} <= set(shown)
    assert "T2w" not in shown


def test_names_with_markup_in_them_stay_text(numbers: SourceNumbers) -> None:
    chart = sources_chart({EVIL: numbers}, name="sources")
    assert "<script" not in chart
    assert EVIL in description(chart)


@pytest.mark.parametrize("column", ["foreground_fraction", "clip_value", "voxel_ul"])
def test_a_histogram_has_a_bar_for_each_bin_and_a_line_at_the_median(numbers: SourceNumbers, column: str) -> None:
    distribution = numbers.distributions[column]
    chart = histogram_chart(distribution, [], name="one")
    assert distribution.histogram is not None
    assert distribution.five is not None
    assert chart.count('fill="var(--first)"') == len(distribution.histogram.counts)
    assert chart.count("stroke-dasharray") == 1
    assert f"median {distribution.five.median:.4g}" in description(chart)
    assert f"{max(distribution.histogram.counts):,}" in texts(chart)


def test_outliers_are_marked_once_per_value(numbers: SourceNumbers) -> None:
    outlier = numbers.outliers.found[0]
    again, other = replace(outlier, row=1), replace(outlier, value=outlier.value * 1.01)
    chart = histogram_chart(numbers.distributions[outlier.column], [outlier, again, other], name="one")
    assert chart.count('fill="var(--second)"') == 2


def test_a_quantity_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="mean: no value to draw"):
        histogram_chart(Distribution("mean", "Mean", "", 0, 3, None, None), [], name="one")
