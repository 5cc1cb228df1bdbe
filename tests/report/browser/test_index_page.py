"""The index page in a real browser: its numbers, its links into the sources' pages, and how it looks."""

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("playwright")
pytest.importorskip("altair")

from playwright.sync_api import Page, expect

from brains45k.corpus.thumbnail import TILE

from .conftest import Open, Reports


def figures(page: Page) -> dict[str, float]:
    pairs = page.eval_on_selector_all("data[data-figure]", "all => all.map((one) => [one.dataset.figure, one.value])")
    return {name: float(value) for name, value in pairs}


def test_the_figures_are_those_of_the_parquet_files(open_page: Open, reports: Reports) -> None:
    shown, table = figures(open_page("index")), pd.read_parquet(reports.manifest)
    kept = table[table["status"] == "kept"]
    assert shown["kept.total"] == len(kept)
    assert shown["subjects"] == len(kept[["source", "subject"]].drop_duplicates())
    assert shown["stored_bytes"] == kept["stored_bytes"].sum()
    for name, rows in table.groupby("source"):
        counts = dict(rows["status"].value_counts())
        assert {status: shown[f"{name}.{status}"] for status in counts} == counts
        assert shown[f"{name}.found"] == len(rows)
        assert shown[f"{name}.took"] == rows["reference_selected"].sum()
        assert shown[f"{name}.only_clean"] == (rows["clean_selected"] & ~rows["reference_selected"]).sum()
        assert shown[f"{name}.train"] == (rows["split"] == "train").sum()
    assert shown["all.kept"] == len(kept)


def test_images_in_two_sources_stand_side_by_side(open_page: Open, reports: Reports) -> None:
    page, table = open_page("index"), pd.read_parquet(reports.manifest)
    source_of = dict(zip(table["volume_id"], table["source"], strict=True))
    copies = table[(table["source"] == "beta") & (table["status"] == "duplicate")]
    between = [detail for detail in copies["detail"] if source_of[detail.removeprefix("of ")] == "alpha"]
    assert figures(page)["between.beta.alpha"] == len(between) > 0
    images = page.locator(".pairs li").first.locator("img")
    expect(images).to_have_count(2)
    images.nth(0).scroll_into_view_if_needed()
    for image in images.all():
        expect(image).to_have_js_property("naturalHeight", 2 * TILE)


def test_links_lead_to_the_lists_and_volumes_of_the_sources(open_page: Open, reports: Reports) -> None:
    page = open_page("index")
    count = page.locator("a.count[href^='beta.html#selections=clean']")
    number = int(count.inner_text())
    count.click()
    expect(page.locator("html[data-ready]")).to_have_count(1)
    expect(page.locator("#found")).to_contain_text(f"of {number} of 200 rows")
    page.get_by_role("navigation").get_by_role("link", name="Corpus").click()
    pair = page.locator(".pairs li").first
    kept = pair.locator("figcaption a").nth(1)
    name = kept.inner_text()
    kept.click()
    expect(page.locator("html[data-ready]")).to_have_count(1)
    assert "/alpha.html" in page.url
    expect(page.locator("#detail-title")).to_have_text(name)


def test_no_link_is_dead(open_page: Open, reports: Reports) -> None:
    for name in ("index", "alpha", "beta"):
        page = open_page(name)
        addresses = page.eval_on_selector_all("a[href]", "all => all.map((one) => one.getAttribute('href'))")
        ids = set(page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)"))
        for address in addresses:
            file, _, fragment = address.partition("#")
            assert not file or file.startswith("https://") or (reports.folder / file).is_file()
            assert file or not fragment or "=" in fragment or fragment in ids


def test_an_address_that_would_run_as_a_script_is_no_link(open_page: Open) -> None:
    page = open_page("alpha")
    link = page.locator("a", has_text="javascript:alert(1)")
    assert link.get_attribute("href") == ""


def test_a_narrow_screen_scrolls_in_one_direction(open_page: Open) -> None:
    page = open_page("index", width=360, height=700)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", ["index", "alpha"])
def test_the_page_can_be_read_without_eyes(open_page: Open, name: str) -> None:
    page = open_page(name)
    charts = page.locator("main svg")
    assert charts.count() >= 3
    for chart in charts.all():
        assert chart.get_attribute("role") == "img"
        assert all(chart.locator(part).count() == 1 for part in ("title", "desc"))
    assert page.locator("img:not([alt]), :not(figure) > svg").count() == 0
    ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
    assert len(ids) == len(set(ids))
    unnamed = """all => all.filter((one) =>
      !one.textContent.trim() && !one.ariaLabel && !one.querySelector("img")?.alt).length"""
    assert page.eval_on_selector_all("a, button", unnamed) == 0
    unlabelled = "all => all.filter((one) => !one.labels.length).length"
    assert page.eval_on_selector_all("input, select", unlabelled) == 0
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1


def test_text_stands_out_from_its_background_in_both_themes(open_page: Open) -> None:
    for scheme in ("light", "dark"):
        page = open_page("index", color_scheme=scheme)
        colours = page.evaluate(
            """() => ["--paper", "--panel", "--mark", "--ink", "--faint", "--link"].map((name) =>
              [name, getComputedStyle(document.documentElement).getPropertyValue(name).trim()])"""
        )
        found = {name: luminance(colour) for name, colour in colours}
        for text in ("--ink", "--faint", "--link"):
            for ground in ("--paper", "--panel"):
                assert contrast(found[text], found[ground]) >= 4.5
        assert contrast(found["--ink"], found["--mark"]) >= 4.5


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, by WCAG 2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: float, second: float) -> float:
    low, high = sorted((first, second))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_screenshots(open_page: Open, tmp_path: Path, scheme: str, width: int) -> None:
    page = open_page("index", width=width, color_scheme=scheme)
    page.screenshot(path=tmp_path / "index.png", full_page=True)
    assert (tmp_path / "index.png").stat().st_size > 10_000
