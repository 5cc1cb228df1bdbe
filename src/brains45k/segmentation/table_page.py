"""The table as a page: one file that needs nothing but itself, and links to the folds' pictures beside it."""

import json
from collections.abc import Iterator, Sequence
from importlib import resources

import jinja2
from markupsafe import Markup

from brains45k.segmentation import table_text
from brains45k.segmentation.difference_chart import chart_sentences, difference_chart
from brains45k.segmentation.statistics import Difference
from brains45k.segmentation.table import Row, Summary, Table
from brains45k.segmentation.table_plan import Metric, Picture


def table_page(table: Table) -> str:
    """Return table.html, in which every figure carries its exact value; the same text for the same table."""
    source = resources.files("brains45k.segmentation").joinpath("table.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(
        table=table,
        text=table_text,
        folds=len(table.plan.folds),
        parts=list(_parts(table.rows)),
        further=[
            ("Other metrics", "metrics", _by_heading(table.secondary)),
            ("Dice of each region", "regions", _by_heading(table.by_region)),
        ],
        titles={task.name: task.title for task in table.plan.tasks},
        chart=difference_chart(table.rows),
        sentences=chart_sentences(table.rows),
        states=table_text.leakage_states(table),
        summaries=list(_summaries(table.rows)),
        read_at=list(dict.fromkeys(figure.read_at for figure in table.paper.figures)),
        spread=_spread,
        difference=_difference,
        figure=_figure,
        pictures=lambda task, run, fold: _pictures(table, task, run, fold),
    )


def _parts(rows: Sequence[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the rows of each task, group, metric and region together, with the first of them."""
    together: dict[tuple[str, str, str, str | None], list[Row]] = {}
    for row in rows:
        together.setdefault((row.task, row.group, row.metric.column, row.region), []).append(row)
    for part in together.values():
        yield part[0], part


def _by_heading(rows: Sequence[Row]) -> dict[str, list[tuple[Row, list[Row]]]]:
    """Return the parts of the rows by region, or by metric."""
    headed: dict[str, list[tuple[Row, list[Row]]]] = {}
    for first, part in _parts(rows):
        headed.setdefault(first.region or table_text.metric_heading(first.metric), []).append((first, part))
    return headed


def _summaries(rows: Sequence[Row]) -> Iterator[tuple[Row, Summary]]:
    """Yield each run's summary once by task and group, although rows may share a run from scratch."""
    seen = set()
    for row in rows:
        for summary in (row.scratch, row.pretrained):
            place = summary and (row.task, row.group, summary.run.name)
            if summary and place not in seen:
                seen.add(place)
                yield row, summary


def _pictures(table: Table, task: str, run: str, fold: int) -> list[Picture]:
    place = (task, run, fold)
    return [picture for picture in table.plan.pictures if (picture.task, picture.run, picture.fold) == place]


def _figure(value: float | None, shown: str) -> Markup:
    """Return a figure as an element that carries its exact value."""
    if value is None:
        return Markup("{}").format(shown)
    return Markup('<data value="{}">{}</data>').format(json.dumps(value), shown)


def _spread(summary: Summary | None, metric: Metric) -> Markup:
    """Return mean and deviation of a run, or that it is missing."""
    shown = table_text.spread_text(summary, metric)
    return _figure(summary.mean if summary else None, shown)


def _difference(difference: Difference | None, metric: Metric) -> Markup:
    shown = table_text.difference_text(difference, metric)
    return _figure(difference.mean if difference else None, shown)
