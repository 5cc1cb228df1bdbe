"""The page: every figure is the table's, all text is text, and anybody can read it."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from support.run_cards import Page
from support.score_rows import RUNS, frame, plan, score_rows

from brains45k.segmentation.difference_chart import chart_sentences, difference_chart
from brains45k.segmentation.paper import Paper, PaperFigure
from brains45k.segmentation.table import Table, build_table
from brains45k.segmentation.table_page import table_page
from brains45k.segmentation.table_plan import Picture, PlannedTask, Run

EVIL = '<script src="https://example.org/x.js">alert("&amp;")</script><b>\'bold\'</b>'
PICTURE = Picture("lesions", "unet_b", 1, "../models/finetune/a b/best.png", "best case")
PAPER = Paper("Somebody, 2024")


class TablePage(Page):
    """A page whose figures have no place in a document."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, [*attrs, ("data-pointer", "")] if tag == "data" else attrs)


@pytest.fixture(scope="module")
def table() -> Table:
    return build_table(frame(score_rows()), plan(pictures=(PICTURE,)), PAPER)


@pytest.fixture(scope="module")
def html(table: Table) -> str:
    return table_page(table)


@pytest.fixture(scope="module")
def page(html: str) -> TablePage:
    return TablePage(html)


def figures(page: TablePage) -> Mapping[str, str]:
    return {text: value for _, value, text in page.figures}


def test_every_figure_shown_is_one_of_the_table(table: Table, page: TablePage) -> None:
    rows = (*table.rows, *table.secondary, *table.by_region)
    known: set[float | None] = set()
    for row in rows:
        for summary in (row.scratch, row.pretrained):
            known |= {summary.mean} if summary else set()
            known |= {fold.mean for fold in summary.folds} if summary and row in table.rows else set()
        known |= {row.difference.mean, row.difference.p_corrected} if row.difference else set()
    assert len(page.figures) > 30
    for _, value, text in page.figures:
        assert json.loads(value) in known
        first = re.match(r"[+-]?\d+\.\d+", text)
        assert first is not None
        assert float(first[0]) == pytest.approx(json.loads(value), abs=0.06)
    assert {json.loads(value) for _, value, _ in page.figures} == known - {None}


def test_the_verdict_and_the_methods_are_on_the_page(page: TablePage) -> None:
    assert "Pretraining gave a higher Dice in 1 of 1 comparison" in page.text
    assert "corrected by Holm's procedure for the 1 comparison" in page.text
    assert "(Somebody, 2024) could not be read" in page.text
    assert "Paper, pretrained" not in page.text


def test_pictures_are_linked_from_their_fold(page: TablePage) -> None:
    links = [link["href"] for link in page.all("a") if "finetune" in link["href"]]
    assert links == ["../models/finetune/a%20b/best.png"]


def test_the_page_needs_nothing_but_itself(html: str, page: TablePage) -> None:
    assert not {"script", "link", "iframe", "object", "base", "form", "img"} & {tag for tag, _ in page.tags}
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", html))
    assert "@import" not in html
    others = [
        value for tag, attributes in page.tags for name, value in attributes.items() if "href" in name and tag != "a"
    ]
    assert all(value.startswith("#") for value in others)
    policies = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_page_can_be_read_without_eyes_and_without_a_mouse(page: TablePage) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert page.open == []
    labelled = [box["aria-label"] for box in page.all("div") if box.get("role") == "img"]
    assert len(labelled) == len(page.all("svg")) == 1
    assert labelled[0].startswith("Differences in Dice, pretrained minus scratch. lesions: unet_b (unet_b_amaes): +0.")
    scrolling = [box for box in page.all("div") if "scroll" in box.get("class", "")] + page.all("pre")
    assert scrolling
    assert all(box["tabindex"] == "0" and box["aria-label"] and box["role"] == "region" for box in scrolling)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {section["aria-labelledby"] for section in page.all("section")} <= set(ids)
    inner = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")}
    assert inner <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_is_square(html: str) -> None:
    for part in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        widths = set()
        for row in re.findall(r"<tr>.*?</tr>", part, re.DOTALL):
            spans = [int(span) for span in re.findall(r'colspan="(\d+)"', row)]
            widths.add(sum(spans) if spans else len(re.findall(r"<t[hd]\b", row)))
        assert len(widths) == 1


def hostile() -> Table:
    runs = (Run(EVIL, EVIL), Run("other", EVIL, EVIL))
    rows: list[dict[str, Any]] = score_rows(task=EVIL, runs=runs, group=EVIL)
    task = PlannedTask(EVIL, EVIL, (EVIL,), ("core", "whole"))
    figure = PaperFigure(task=EVIL, group=EVIL, network=EVIL, scratch=0.5, read_at=EVIL)
    planned = plan(runs=(*runs, Run("absent", "absent")), folds=3)
    picture = Picture(EVIL, EVIL, 0, EVIL, EVIL)
    return build_table(frame(rows), replace(planned, tasks=(task,), pictures=(picture,)), Paper(EVIL, (figure,)))


def test_html_in_names_is_shown_as_text(page: TablePage) -> None:
    found = TablePage(table_page(hostile()))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in page.tags} | {"pre", "code", "h3"}
    assert found.all("script") == found.all("b") == []
    assert found.text.count(EVIL) >= 15
    assert found.open == []


def test_what_is_missing_stands_with_its_command() -> None:
    rows = [row for row in score_rows(leakage="unknown") if row["run"] != "swin_unetr"]
    found = TablePage(table_page(build_table(frame(rows), plan(), PAPER)))
    assert "missing" in found.text
    assert "snakemake --cores all models/finetune/lesions/swin_unetr/fold-0/scores.parquet" in found.text
    assert "the checkpoint has no record" in found.text
    assert {link["href"] for link in found.all("a")} == {"#missing", "#leakage"}


def test_a_long_name_and_one_of_mathematics_are_drawn_as_they_are() -> None:
    runs = (Run("r", "$x_1$"), Run("p" * 90, "$x_1$", "w"))
    table = build_table(frame(score_rows(runs=runs)), plan(runs=runs), PAPER)
    assert "lesions: $x_1$ (ppp" in difference_chart(table.rows)


def test_a_page_of_nothing_is_a_page() -> None:
    found = TablePage(table_page(build_table(frame([]), plan(), PAPER)))
    assert found.open == []
    assert found.all("svg") == []
    assert "cannot be told yet" in found.text


def test_the_papers_figures_have_columns_once_one_is_known(table: Table) -> None:
    figure = PaperFigure(task="lesions", group="all", network="unet_b", pretrained=0.5, read_at="page 9")
    known = replace(table, paper=Paper("Somebody", (figure,)), rows=(replace(table.rows[0], paper=figure),))
    found = TablePage(table_page(known))
    assert figures(found)["0.500"] == "0.5"
    assert "read at page 9" in found.text


def test_the_chart_marks_by_shape_what_the_test_shows() -> None:
    runs = (*RUNS, Run("unet_b_other", "unet_b", "other"))
    rows = score_rows(runs=runs, effect=0.3) + score_rows(task="few", runs=runs, folds=2)
    table = build_table(frame(rows), plan(tasks=("lesions", "few"), runs=runs), PAPER)
    flat = [row for row in table.rows if row.difference]
    assert flat[0].difference is not None
    unclear = replace(flat[0], difference=replace(flat[0].difference, p_corrected=0.5))
    svg = difference_chart([*flat, unclear])
    assert svg == difference_chart([*flat, unclear])
    assert svg.count("few: unet_b (unet_b_other)") == 1
    assert "fill: var(--paper)" in svg
    assert "#0102" not in svg
    assert len(chart_sentences(table.rows)) == len(flat) == 4
    assert difference_chart([row for row in table.rows if not row.difference]) == ""
