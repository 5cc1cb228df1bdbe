"""A source's page in a real browser: opened from disk, filtered, sorted, paged, and read by the keyboard alone."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright")
pytest.importorskip("altair")

from playwright.sync_api import Page, expect
from support.synthetic_manifest import AWKWARD

from brains45k.corpus.thumbnail import TILE

from .conftest import Open, Reports

_FOUND = re.compile(r"of ([\d,]+)")
# Follows every count to the list behind it, and reads how long that is.
_FOLLOW = """async (counts) => {
  const read = [];
  for (const address of counts) {
    location.hash = address;
    await new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
    read.push(document.getElementById("found").textContent);
  }
  return read;
}"""


def found(page: Page) -> int:
    return count_in(page.locator("#found").inner_text())


def count_in(text: str) -> int:
    match = _FOUND.search(text)
    return int(match[1].replace(",", "")) if match else 0


def listed(page: Page) -> list[str]:
    return page.locator("#volumes tbody th a").all_inner_texts()


def figures(page: Page) -> dict[str, float]:
    pairs = page.eval_on_selector_all("data[data-figure]", "all => all.map((one) => [one.dataset.figure, one.value])")
    return {name: float(value) for name, value in pairs}


def test_every_count_on_the_page_is_the_length_of_the_list_behind_it(open_page: Open) -> None:
    page = open_page("alpha")
    pairs = page.eval_on_selector_all("a.count", "all => all.map((one) => [one.hash, one.textContent])")
    counts = {address: int(text.replace(",", "")) for address, text in pairs}
    assert len(counts) > 100
    read = page.evaluate(_FOLLOW, list(counts))
    assert {address: count_in(text) for address, text in zip(counts, read, strict=True)} == counts


def test_the_figures_are_those_of_the_parquet_file(open_page: Open, reports: Reports) -> None:
    shown, rows = figures(open_page("alpha")), reports.rows("alpha")
    kept = rows[rows["status"] == "kept"]
    assert shown["found"] == len(rows)
    assert {name: shown[name] for name in ("kept", "excluded", "duplicate")} == dict(rows["status"].value_counts())
    assert {code: shown[code] for code in rows["reason"].dropna()} == dict(rows["reason"].value_counts())
    flags = kept["flags"].explode().dropna().value_counts()
    assert {code: shown[code] for code in flags.index} == dict(flags)
    assert shown["subjects"] == kept["subject"].nunique()
    assert shown["stored_bytes"] == kept["stored_bytes"].sum()
    assert shown["foreground_fraction.median"] == pytest.approx(kept["foreground_fraction"].median())
    assert shown["clip_value.maximum"] == kept["clip_value"].max()
    assert shown["selections.only_reference"] == (rows["reference_selected"] & ~rows["clean_selected"]).sum()
    assert shown["expected.took_volumes"] == rows["reference_selected"].sum()
    assert shown["lost.matched"] == rows["layout"].isna().sum()
    assert shown["original_dtype.int16"] == (kept["original_dtype"] == "int16").sum()


def test_text_subject_status_reason_flag_and_score_filter(open_page: Open, reports: Reports) -> None:
    page, rows = open_page("alpha"), reports.rows("alpha")
    text = rows["source_path"] + rows["volume_id"] + rows["series"]
    assert found(page) == len(rows)
    page.fill("#by-q", "run-2 D0007")
    both = text.str.contains("run-2") & text.str.contains("d0007")
    assert found(page) == both.sum() > 0
    page.fill("#by-q", "")
    page.fill("#by-subject", "OAS300007")
    assert found(page) == (rows["subject"] == "OAS300007").sum() > 0
    page.fill("#by-subject", "s30000")
    assert found(page) == rows["subject"].str.contains("S30000").sum() > 0
    page.click("#clear")
    page.select_option("#by-status", "excluded")
    page.select_option("#by-reason", "E_GZ_CRC")
    assert found(page) == (rows["reason"] == "E_GZ_CRC").sum() > 0
    page.click("#clear")
    page.select_option("#by-mark", "R_NAN")
    assert found(page) == rows["repairs"].map(lambda codes: codes is not None and "R_NAN" in codes).sum() > 0
    page.click("#clear")
    page.fill("#by-above_score", "3.5")
    assert found(page) == figures(page)["outliers"] > 0
    page.fill("#by-above_score", "99999")
    expect(page.locator("#found")).to_have_text("No row is like this.")


def test_columns_sort_both_ways_and_what_is_not_known_comes_last(open_page: Open, reports: Reports) -> None:
    page, rows = open_page("alpha"), reports.rows("alpha")
    known = rows.dropna(subset=["mean"])
    heading = page.locator("th:has([data-sort=mean])")
    page.click("[data-sort=mean]")
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(page.locator("[data-sort=mean]")).to_be_focused()
    largest = known.nlargest(3, "mean")["volume_id"]
    assert listed(page)[:3] == list(largest)
    page.click("[data-sort=mean]")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert listed(page)[0] == known.nsmallest(1, "mean")["volume_id"].item()
    page.click("#last")
    assert set(listed(page)) <= set(rows[rows["mean"].isna()]["volume_id"])


def test_pages_hold_all_rows_once_in_the_order_of_the_manifest(open_page: Open, reports: Reports) -> None:
    page = open_page("alpha")
    seen = listed(page)
    while page.locator("#next").is_enabled():
        page.click("#next")
        seen += listed(page)
    assert seen == list(reports.rows("alpha")["volume_id"])
    page.click("#previous")
    page.go_back()
    assert listed(page)[-1] == seen[-1]


def opened(page: Page) -> dict[str, str]:
    """Return what the panel says of the volume that is open."""
    expect(page.locator("#detail table.facts")).to_be_visible()
    cells = page.locator("#detail table.facts tr").all()
    return {cell.locator("th").inner_text(): cell.locator("td").inner_text() for cell in cells}


def one(rows: pd.DataFrame, **wanted: Any) -> pd.Series:
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    return rows.iloc[0]


@pytest.mark.parametrize("status", ["kept", "duplicate"])
def test_before_and_after_stand_side_by_side(open_page: Open, reports: Reports, status: str) -> None:
    row = one(reports.rows("alpha"), status=status)
    page = open_page("alpha", f"#id={row['volume_id']}")
    halves = page.locator(".half")
    expect(halves).to_have_count(2)
    expect(page.locator(".half.double")).to_have_count(2)
    before, after = (halves.nth(place).bounding_box() for place in range(2))
    images = [halves.nth(place).locator("img").bounding_box() for place in range(2)]
    assert before is not None
    assert after is not None
    assert images[0] is not None
    assert images[1] is not None
    assert before["y"] == after["y"]
    assert before["x"] + before["width"] <= after["x"]
    # The picture is twice as high as what is seen of it: of one the upper half, of the other the lower.
    assert images[0]["y"] == pytest.approx(before["y"], abs=1)
    assert images[1]["y"] + images[1]["height"] == pytest.approx(after["y"] + after["height"], abs=1)
    assert images[1]["height"] == pytest.approx(2 * after["height"], abs=1)


def test_a_volume_that_was_read_but_left_out_shows_what_it_was(open_page: Open, reports: Reports) -> None:
    rows = reports.rows("alpha")
    row = rows[(rows["status"] == "excluded") & rows["original_shape"].notna()].iloc[0]
    page = open_page("alpha", f"#id={row['volume_id']}")
    expect(page.locator(".half")).to_have_count(1)
    expect(page.locator("#detail-body")).to_contain_text("No after: it was read, but not preprocessed.")
    expect(page.locator(".half img")).to_have_js_property("naturalHeight", TILE)


def test_a_file_without_a_picture_says_why(open_page: Open, reports: Reports) -> None:
    rows = reports.rows("alpha")
    unread = rows[rows["original_shape"].isna()]
    for letter, sentence in {"S": "not selected, so not read", "E": "it could not be read"}.items():
        row = unread[unread["reason"].str.startswith(letter)].iloc[0]
        page = open_page("alpha", f"#id={row['volume_id']}")
        expect(page.locator("#detail .none").first).to_have_text(f"No picture: {sentence}.")


def test_the_panel_says_all_that_the_manifest_says(open_page: Open, reports: Reports) -> None:
    row = one(reports.rows("alpha"), status="kept")
    facts = opened(open_page("alpha", f"#id={row['volume_id']}"))
    unknown = facts.pop("nothing known").split(", ")
    assert {*facts, *unknown} == set(row.index)
    for name, text in facts.items():
        value = row[name]
        if isinstance(value, str):
            assert text == value
        elif isinstance(value, np.ndarray):
            assert [str(part) for part in value] == text.split(", ") or list(value) == [
                float(x) for x in text.split(", ")
            ]
        elif isinstance(value, bool | np.bool_):
            assert text == str(value).lower()
        else:
            assert float(text) == value


def test_the_panel_names_the_commands(open_page: Open, reports: Reports) -> None:
    for status, commands in {"kept": ["explain", "show", "view"], "duplicate": ["explain"]}.items():
        name = one(reports.rows("alpha"), status=status)["volume_id"]
        page = open_page("alpha", f"#id={name}")
        assert page.locator("#detail pre").inner_text().split("\n") == [f"brains45k {word} {name}" for word in commands]


def test_names_with_html_and_script_in_them_are_text(open_page: Open, reports: Reports, complaints: list[str]) -> None:
    page, rows = open_page("alpha"), reports.rows("alpha")
    for series in AWKWARD:
        row = one(rows, series=series)
        page.fill("#by-q", series.split("\u2028", maxsplit=1)[0].strip())
        assert row["volume_id"] in listed(page)
        page.goto(f"{page.url.split('#')[0]}#id={row['volume_id']}")
        facts = opened(page)
        assert (facts["series"], facts["source_path"]) == (series, row["source_path"])
        page.keyboard.press("Escape")
    assert page.locator("main script, main img:not([src^=pictures])").count() == 0
    assert "</script><script>alert(2)</script>" in page.locator("section:has(> #unknown)").inner_text()
    assert complaints == []


def test_the_keyboard_suffices(open_page: Open) -> None:
    page = open_page("alpha")
    page.keyboard.press("/")
    expect(page.locator("#by-q")).to_be_focused()
    page.keyboard.type("T2w")
    first, second = listed(page)[:2]
    page.locator("#volumes tr[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text(second)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#detail-title")).to_have_text(first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator("#volumes tr:focus")).to_contain_text(second)
    page.keyboard.press("End")
    expect(page.locator("#volumes tr:focus")).to_contain_text(listed(page)[-1])


def test_the_gallery_loads_pictures_when_they_are_seen_and_opens_volumes(open_page: Open) -> None:
    page = open_page("alpha")
    page.click("#as-gallery")
    pictures = page.locator(".gallery img")
    assert set(pictures.evaluate_all("all => all.map((one) => one.loading)")) == {"lazy"}
    assert all(pictures.evaluate_all("all => all.map((one) => one.alt.includes('middle planes'))"))
    tile = page.locator(".tile").nth(2)
    name = tile.locator("b").inner_text()
    tile.click()
    expect(page.locator("#detail-title")).to_have_text(name)
    page.click("#detail-close")
    expect(tile).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile").nth(3)).to_be_focused()


def test_the_theme_follows_the_system_until_somebody_chooses(open_page: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    page = open_page("alpha", color_scheme="dark")
    dark = page.evaluate(background)
    page.click("#theme")
    light = page.evaluate(background)
    assert light != dark
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == light
    page.click("#theme")
    assert page.evaluate(background) == dark
    page.reload()
    assert page.evaluate(background) == dark


def test_a_narrow_screen_scrolls_in_one_direction(open_page: Open, reports: Reports) -> None:
    page = open_page("alpha", width=360, height=700)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("#as-gallery")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto(f"{page.url.split('#')[0]}#id={one(reports.rows('alpha'), status='kept')['volume_id']}")
    expect(page.locator("#detail")).to_be_visible()
    assert page.evaluate("document.getElementById('detail').scrollWidth <= innerWidth")


def test_without_javascript_the_numbers_are_there(open_page: Open, reports: Reports) -> None:
    page = open_page("alpha", java_script_enabled=False)
    assert f"{len(reports.rows('alpha')):,} found =" in page.locator("main").inner_text()
    assert "The list needs JavaScript" in page.locator("main").inner_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_screenshots(open_page: Open, tmp_path: Path, scheme: str, width: int) -> None:
    page = open_page("alpha", width=width, color_scheme=scheme)
    names = ["top", "table", "gallery", "volume"]
    page.screenshot(path=tmp_path / "top.png")
    page.goto(f"{page.url}#view=table")
    page.locator("#browse").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "table.png")
    page.click("#as-gallery")
    page.screenshot(path=tmp_path / "gallery.png")
    page.locator(".tile").first.click()
    expect(page.locator("#detail table.facts")).to_be_visible()
    page.screenshot(path=tmp_path / "volume.png")
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in names)
