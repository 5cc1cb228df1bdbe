"""The page in a real browser: it draws, it asks nobody but its server, and what it shows is text."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.small_corpus import SmallCorpus
from support.synthetic_manifest import AWKWARD
from view.asking import serving

from brains45k.corpus.manifest import read_table
from brains45k.view.server import ViewServer

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

# WebGL without a graphics card.
_ARGUMENTS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_SIZES = {"wide": (1400, 850), "narrow": (420, 900)}


@dataclass
class Watched:
    """A page, and all that went wrong on it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def note_dialog(self, dialog: Dialog) -> None:
        """Take down what an alert says, which no page of ours has."""
        self.faults.append(dialog.message)
        dialog.dismiss()

    def volume_is_drawn(self, volume_id: str) -> None:
        """Wait until a volume is on the canvas."""
        expect(self.page.locator("#canvas")).to_have_attribute("data-volume", volume_id)
        expect(self.page.locator("#notice")).to_be_hidden()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield launched
        launched.close()


def watch(browser: Browser, *, scheme: str = "light", size: str = "wide") -> Watched:
    width, height = _SIZES[size]
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})  # type: ignore[arg-type]
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    watched = Watched(page)
    page.on("console", lambda message: watched.faults.append(message.text))
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    page.on("dialog", watched.note_dialog)
    page.on("request", lambda request: watched.asked.append(request.url))
    return watched


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A page on which nothing may go wrong, and which may ask nobody but the loopback."""
    opened = watch(browser)
    yield opened
    opened.page.close()
    assert opened.faults == []
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in opened.asked)


def ids(manifest: Path, status: str = "") -> list[str]:
    return [row["volume_id"] for row in read_table(manifest).to_pylist() if status in ("", row["status"])]


def canvas_of(page: Page, path: Path) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    page.locator("#stage").screenshot(path=path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


@pytest.mark.parametrize("look", [("light", "wide"), ("dark", "narrow")])
def test_a_volume_is_drawn(
    browser: Browser, server: ViewServer, corpus: SmallCorpus, tmp_path: Path, look: tuple[str, str]
) -> None:
    scheme, size = look
    watched = watch(browser, scheme=scheme, size=size)
    name = ids(corpus.manifest, "kept")[0]
    watched.page.goto(server.address(name))
    watched.volume_is_drawn(name)
    grey = canvas_of(watched.page, tmp_path / "canvas.png")
    middle = grey.shape[0] // 2, grey.shape[1] // 2
    quarters = [half for rows in np.split(grey, [middle[0]]) for half in np.split(rows, [middle[1]], axis=1)]
    # Three planes and the 3-D view, each with more than one brightness.
    assert [bool(quarter.std() > 10) for quarter in quarters] == [True] * 4
    watched.page.screenshot(path=tmp_path / f"view_{scheme}_{size}.png", full_page=True)
    assert watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    watched.page.close()
    assert watched.faults == []


def test_the_row_stands_beside_the_picture(watched: Watched, server: ViewServer, corpus: SmallCorpus) -> None:
    row = next(row for row in corpus.rows().values() if row["status"] == "kept")
    watched.page.goto(server.address(row["volume_id"]))
    expect(watched.page.locator("#volume")).to_have_text(row["volume_id"])
    details = watched.page.locator("#groups")
    expect(details).to_contain_text(row["source_path"])
    expect(details).to_contain_text(row["source_sha256"])
    watched.volume_is_drawn(row["volume_id"])


def test_next_and_previous_go_through_the_list(watched: Watched, server: ViewServer, corpus: SmallCorpus) -> None:
    first, second, third = ids(corpus.manifest, "kept")[:3]
    watched.page.goto(server.address(first))
    watched.volume_is_drawn(first)
    watched.page.select_option("#status", "kept")
    watched.page.locator("#next").click()
    watched.volume_is_drawn(second)
    watched.page.keyboard.press("n")
    watched.volume_is_drawn(third)
    watched.page.keyboard.press("p")
    watched.volume_is_drawn(second)
    assert watched.page.url == server.address(second)
    watched.page.go_back()
    watched.volume_is_drawn(third)


def test_a_search_finds_and_enter_opens(watched: Watched, server: ViewServer, corpus: SmallCorpus) -> None:
    wanted = next(row for row in corpus.rows().values() if row["suffix"] == "FLAIR" and row["status"] == "kept")
    watched.page.goto(server.address())
    expect(watched.page.locator("#extent")).to_have_text(f"1 to {len(corpus.rows())} of {len(corpus.rows())}")
    watched.page.keyboard.press("/")
    watched.page.keyboard.type(f"flair {wanted['subject']}")
    expect(watched.page.locator("#extent")).to_have_text("1 to 1 of 1")
    watched.page.keyboard.press("Enter")
    watched.volume_is_drawn(wanted["volume_id"])
    watched.page.fill("#words", "nothing is called so")
    expect(watched.page.locator("#extent")).to_have_text("No volume found")


def test_next_goes_on_to_the_next_page_of_the_list(watched: Watched, awkward_server: ViewServer, awkward: Path) -> None:
    names = ids(awkward, "excluded")
    watched.page.goto(awkward_server.address(names[99]))
    watched.page.select_option("#status", "excluded")
    expect(watched.page.locator("#extent")).to_have_text(f"1 to 100 of {len(names)}")
    watched.page.keyboard.press("n")
    expect(watched.page.locator("#volume")).to_have_text(names[100])
    expect(watched.page.locator("#extent")).to_contain_text("101 to 200")
    expect(watched.page.locator("#rows [aria-current=true]")).to_have_attribute("data-volume", names[100])


def test_the_window_changes_the_picture(
    watched: Watched, server: ViewServer, corpus: SmallCorpus, tmp_path: Path
) -> None:
    name = ids(corpus.manifest, "kept")[0]
    watched.page.goto(server.address(name))
    watched.volume_is_drawn(name)
    watched.page.keyboard.press("2")
    before = canvas_of(watched.page, tmp_path / "before.png").mean()
    watched.page.locator("#high").fill("0.5")
    expect(watched.page.locator("#high-value")).to_have_text("0.50")
    assert canvas_of(watched.page, tmp_path / "brighter.png").mean() > before + 5
    watched.page.locator("#low").fill("0.9")
    expect(watched.page.locator("#high-value")).to_have_text("0.91")
    assert canvas_of(watched.page, tmp_path / "darker.png").mean() < before - 5
    watched.page.keyboard.press("r")
    expect(watched.page.locator("#low-value")).to_have_text("0.00")
    assert canvas_of(watched.page, tmp_path / "again.png").mean() == pytest.approx(before, abs=1)


def test_each_view_is_another_picture(
    watched: Watched, server: ViewServer, corpus: SmallCorpus, tmp_path: Path
) -> None:
    name = ids(corpus.manifest, "kept")[0]
    watched.page.goto(server.address(name))
    watched.volume_is_drawn(name)
    pictures = set()
    for key, plane in zip("12345", ("all", "axial", "coronal", "sagittal", "render"), strict=True):
        watched.page.keyboard.press(key)
        expect(watched.page.locator(f"input[value={plane}]")).to_be_checked()
        pictures.add(canvas_of(watched.page, tmp_path / f"{plane}.png").tobytes())
    watched.page.keyboard.press("c")
    pictures.add(canvas_of(watched.page, tmp_path / "cut.png").tobytes())
    assert len(pictures) == 6


def test_what_is_not_stored_says_why(watched: Watched, server: ViewServer, corpus: SmallCorpus) -> None:
    rows = corpus.rows()
    copy, kept = rows["sub-04/sub-04_T1w.nii.gz"], rows["sub-01/sub-01_T1w.nii.gz"]
    watched.page.goto(server.address(copy["volume_id"]))
    notice = watched.page.locator("#notice")
    expect(notice).to_contain_text("Not in the corpus (duplicate). E_DUP_FILE: ")
    notice.get_by_role("button").click()
    watched.volume_is_drawn(kept["volume_id"])
    watched.page.goto(server.address(rows["sub-03/sub-03_T2w.nii.gz"]["volume_id"]))
    expect(notice).to_contain_text("Not in the corpus (excluded). E_EMPTY: ")


def test_names_that_mean_harm_are_text(watched: Watched, awkward_server: ViewServer, awkward: Path) -> None:
    rows = read_table(awkward).to_pylist()
    for name in AWKWARD[:4]:
        row = next(row for row in rows if row["series"] == name and row["status"] == "excluded")
        watched.page.goto(awkward_server.address(row["volume_id"]))
        expect(watched.page.locator("#groups").get_by_text(name, exact=True).first).to_be_visible()
        expect(watched.page.locator(f"[data-volume='{row['volume_id']}']")).to_contain_text(name)
    assert watched.page.locator("#list img, #list script, #details img, #details script, #details b").count() == 0


def test_a_missing_shard_and_an_unknown_name_are_said(
    browser: Browser, awkward_server: ViewServer, awkward: Path
) -> None:
    # The browser itself notes a refusal on its console, so that the faults are not looked at.
    watched = watch(browser)
    watched.page.goto(awkward_server.address(ids(awkward, "kept")[0]))
    expect(watched.page.locator("#notice")).to_contain_text("a file of the shard is missing. Build the corpus again.")
    watched.page.goto(awkward_server.address("no such/volume"))
    expect(watched.page.locator("#notice")).to_have_text("There is nothing of this name.")
    watched.page.close()


def test_a_server_that_has_ended_is_said(browser: Browser, corpus: SmallCorpus) -> None:
    first, second = ids(corpus.manifest, "kept")[:2]
    watched = watch(browser)
    with serving(corpus.manifest) as running:
        watched.page.goto(running.address(first))
        watched.volume_is_drawn(first)
    watched.page.evaluate("name => { location.hash = name }", second)
    expect(watched.page.locator("#notice")).to_contain_text("The viewer does not answer.")
    watched.page.close()


def test_all_can_be_reached_by_the_keyboard(watched: Watched, server: ViewServer, corpus: SmallCorpus) -> None:
    name = ids(corpus.manifest, "kept")[0]
    watched.page.goto(server.address(name))
    watched.volume_is_drawn(name)
    reached = set()
    for _ in range(60):
        watched.page.keyboard.press("Tab")
        reached.add(watched.page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert {
        "next",
        "keys",
        "words",
        "status",
        "source",
        "canvas",
        "plane",
        "low",
        "high",
        "reset",
        "details",
    } <= reached
    watched.page.keyboard.press("?")
    expect(watched.page.locator("#help")).to_be_visible()
    watched.page.keyboard.press("Escape")
    expect(watched.page.locator("#help")).to_be_hidden()
    rows = watched.page.locator("#rows button")
    rows.nth(0).focus()
    watched.page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()


def test_a_browser_without_webgl_shows_the_rest(browser: Browser, server: ViewServer, corpus: SmallCorpus) -> None:
    watched = watch(browser)
    watched.page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    name = ids(corpus.manifest, "kept")[0]
    watched.page.goto(server.address(name))
    expect(watched.page.locator("#notice")).to_contain_text("This browser has no WebGL 2")
    expect(watched.page.locator("#volume")).to_have_text(name)
    watched.page.close()
