"""The page of a run card: every figure is that of card.json, all text is text, and anybody can read it."""

import ast
import base64
import importlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from PIL import Image
from support.run_cards import TERMS, Page, history_rows, lookup, run_card, write_and_read

from brains45k.training.card import Card, Corpus, Cost, Count, NetworkSize, Picture, RunFile, SourceTerms, write_card

MOST_BYTES = 5_000_000
EVIL = '<script src="https://example.org/x.js">alert("&amp;")</script><b>\'bold\'</b>'


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    entries: dict[Any, Any] = (
        value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    )
    for key, entry in entries.items():
        yield from leaves(entry, f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}")
    if not entries:
        yield place, value


def number_in(text: str) -> float:
    """Read a figure as the page shows it, in the unit of card.json."""
    hours = re.fullmatch(r"([\d,]+) h (\d\d) min", text)
    if hours:
        return 3600 * float(hours[1].replace(",", "")) + 60 * float(hours[2])
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number) * {"%": 0.01, "MB": 1, "s": 1, "": 1}[unit]


def test_every_figure_of_the_page_is_that_of_json(tmp_path: Path) -> None:
    document, page = write_and_read(tmp_path, run_card())
    assert len(page.figures) > 40
    for pointer, raw, text in page.figures:
        value = lookup(document, pointer)
        assert json.loads(raw) == value, pointer
        if pointer.startswith("/settings/"):
            assert json.loads(text) == value, pointer
        elif pointer.endswith("size_bytes"):
            assert math.isclose(number_in(text) * 1e6, value, rel_tol=5e-4), pointer
        else:
            assert math.isclose(number_in(text), value, rel_tol=5e-3 if pointer == "/cost/trained_s" else 5e-4), pointer


def test_every_figure_of_json_is_on_the_page(tmp_path: Path) -> None:
    document, page = write_and_read(tmp_path, run_card())
    shown = {pointer for pointer, _, _ in page.figures}
    parts = {key: value for key, value in document.items() if key not in ("history", "format", "settings")}
    numbers = {
        place for place, value in leaves(parts) if isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert numbers <= shown
    assert {"/settings/optimiser/learning_rate", "/settings/optimiser/betas", "/settings/resume"} <= shown


def test_some_rows_of_the_history_are_shown_the_ends_among_them(tmp_path: Path) -> None:
    document, page = write_and_read(tmp_path, run_card(history=history_rows(5000)))
    shown = {int(pointer.split("/")[2]) for pointer, _, _ in page.figures if pointer.startswith("/history/")}
    last = len(document["history"]) - 1
    assert {0, last - 1, last} <= shown
    assert len(shown) < 30
    assert {"train_loss", "val_loss"} <= {key for number in shown for key in document["history"][number]}
    assert f"{len(shown)} of {last + 1:,} rows" in page.text


def hostile() -> Card:
    terms = SourceTerms(
        name=EVIL, title=EVIL, licence=EVIL, terms=[EVIL], citation=[EVIL], homepage=f"javascript:{EVIL}"
    )
    return run_card(
        name=EVIL,
        started_utc=EVIL,
        finished_utc=EVIL,
        network=NetworkSize(EVIL, 1, 1),
        settings={EVIL: {EVIL: EVIL}, "list": [EVIL]},
        corpus=Corpus(EVIL, {EVIL: Count(1, 1)}, {EVIL: {EVIL: Count(1, 1)}}),
        terms=[terms],
        history=[{"step": 0, "train_loss": 0.5, EVIL: EVIL}],
        hardware=[EVIL],
        versions={EVIL: EVIL},
        pictures=[Picture(PurePath("a.png"), EVIL, EVIL), Picture(PurePath(f"{EVIL}.png"), EVIL)],
        files=[RunFile(PurePath(f"{EVIL}.safetensors"), 1, EVIL)],
    )


def test_html_in_the_card_is_shown_as_text(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    _, page = write_and_read(tmp_path, hostile())
    _, harmless = write_and_read(tmp_path, run_card(pictures=[Picture(PurePath("a.png"), "a")]))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags} | {"code", "th"}
    assert page.all("script") == page.all("b") == []
    assert page.text.count(EVIL) >= 15
    assert [link["href"] for link in page.all("a")] == ["#terms"]
    assert page.all("img")[0]["alt"] == f"{EVIL}. {EVIL}"


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    _, page = write_and_read(tmp_path, run_card(pictures=[Picture(PurePath("a.png"), "a")]))
    html = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert {attributes["src"][:22] for _, attributes in page.tags if "src" in attributes} == {"data:image/png;base64,"}
    assert [link["href"] for link in page.all("a")] == ["#terms", TERMS.homepage]
    others = [
        value for tag, attributes in page.tags for name, value in attributes.items() if "href" in name and tag != "a"
    ]
    assert all(value.startswith("#") for value in others)
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", html))
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert "@import" not in html
    policies = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_page_can_be_read_without_eyes_and_without_a_mouse(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    _, page = write_and_read(tmp_path, run_card(pictures=[Picture(PurePath("a.png"), "Step 9")]))
    assert page.all("html") == [{"lang": "en"}]
    assert page.open == []
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("svg")) == 4
    labelled = [box["aria-label"] for box in page.all("div") if box.get("role") == "img"]
    assert len(labelled) == 4
    assert labelled[0].startswith("Loss over the steps. Training: from 0.3333 at step 0 to 0.02381 at step 39")
    scrolling = [box for box in page.all("div") if "scroll" in box.get("class", "")] + page.all("pre")
    assert scrolling
    assert all(box["tabindex"] == "0" and box["aria-label"] and box["role"] == "region" for box in scrolling)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {section["aria-labelledby"] for section in page.all("section")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_text_and_lines_stand_out_in_both_themes(tmp_path: Path) -> None:
    write_card(tmp_path, run_card())
    html = (tmp_path / "card.html").read_text(encoding="utf-8")
    themes: list[Mapping[str, str]] = [
        dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    ]
    assert len(themes) == 2
    for theme in themes:
        for paper in (theme["paper"], theme["panel"]):
            assert min(contrast(theme[ink], paper) for ink in ("ink", "faint", "link")) >= 4.5
            assert min(contrast(theme[line], paper) for line in ("first", "second", "third")) >= 3


def test_pictures_are_held_whole_and_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name, size in (("a.png", (8, 4)), ("b.png", (2, 6))):
        Image.new("RGB", size, "red").save(tmp_path / "pictures" / name)
    pictures = [Picture(PurePath("pictures") / name, f"Picture {name}") for name in ("b.png", "a.png")]
    document, page = write_and_read(tmp_path, run_card(pictures=pictures))
    assert [picture["path"] for picture in document["pictures"]] == ["pictures/b.png", "pictures/a.png"]
    images = page.all("img")
    assert [(image["width"], image["height"]) for image in images] == [("2", "6"), ("8", "4")]
    assert [base64.b64decode(image["src"].partition(",")[2]) for image in images] == [
        (tmp_path / "pictures" / name).read_bytes() for name in ("b.png", "a.png")
    ]
    assert all(picture.caption in page.text for picture in pictures)


def test_pictures_that_cannot_be_shown_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (4, 4)).save(tmp_path / "other.png", format="GIF")
    (tmp_path / "folder.png").mkdir()
    names = ["gone.png", "text.png", "other.png", "folder.png"]
    _, page = write_and_read(tmp_path, run_card(pictures=[Picture(PurePath(name), f"Of {name}") for name in names]))
    assert page.all("img") == []
    for name in names:
        assert f"Of {name}: the picture {name} is missing or no PNG." in page.text


def test_a_long_run_with_many_pictures_stays_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200), np.uint8)
    for number in range(4):
        Image.fromarray(noise).save(tmp_path / f"{number}.png", compress_level=0)
    pictures = [Picture(PurePath(f"{number}.png"), f"Picture {number}") for number in range(4)]
    _, page = write_and_read(tmp_path, run_card(history=history_rows(5000), pictures=pictures))
    assert (tmp_path / "card.html").stat().st_size < MOST_BYTES
    assert [image["alt"][:9] for image in page.all("img")] == ["Picture 0", "Picture 1"]
    assert page.text.count("would make this page too large") == 2


def test_terms_and_files_are_on_the_page(tmp_path: Path) -> None:
    _, page = write_and_read(tmp_path, run_card())
    for words in (TERMS.title, TERMS.licence, *TERMS.terms, *TERMS.citation, "ab" * 32, "b1f7a9", "2.13.0", "2 cores"):
        assert words in page.text
    assert page.shown("/resumed_at_steps/0") == {"20"}


def test_figures_have_their_units(tmp_path: Path) -> None:
    _, page = write_and_read(tmp_path, run_card())
    assert page.shown("/cost/waiting_share") == {"1.667 %"}
    assert page.shown("/cost/host_peak_mb") == {"1,234 MB"}
    assert page.shown("/cost/device_peak_mb") == {"77.7 MB"}
    assert page.shown("/files/0/size_bytes") == {"3.457 MB"}
    assert page.shown("/network/parameters") == {"13,023"}


@pytest.mark.parametrize(
    ("trained_s", "shown"),
    [(0.5, "0.5 s"), (119.0, "119 s"), (120.0, "0 h 02 min"), (5400.5, "1 h 30 min"), (356000.0, "98 h 53 min")],
)
def test_durations_are_short(trained_s: float, shown: str, tmp_path: Path) -> None:
    _, page = write_and_read(tmp_path, run_card(cost=Cost(trained_s=trained_s)))
    assert page.shown("/cost/trained_s") == {shown}


def code_of(page: Page) -> str:
    return page.text[page.text.index("from pathlib") : page.text.index("Settings")]


def test_the_code_that_loads_the_weights_is_python(tmp_path: Path) -> None:
    name = 'it\'s "w".safetensors'
    files = [RunFile(PurePath("last.ckpt"), 1, "ab"), RunFile(PurePath(name), 1, "cd")]
    _, page = write_and_read(tmp_path, run_card(files=files))
    constants = [node.value for node in ast.walk(ast.parse(code_of(page))) if isinstance(node, ast.Constant)]
    assert constants == ["unet_tiny", 1, 1, "reconstruction", name]


def test_the_code_loads_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    networks = importlib.import_module("brains45k.networks")
    saved = networks.create("unet_tiny", 1, 1, "reconstruction")
    networks.save_weights(saved, tmp_path / "w.safetensors", {})
    _, page = write_and_read(tmp_path, run_card(files=[RunFile(PurePath("w.safetensors"), 1, "cd")]))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code_of(page), names)  # noqa: S102 - the page is our own
    loaded = names["network"].state_dict()
    assert loaded
    assert all(bool((loaded[name] == tensor).all()) for name, tensor in saved.state_dict().items())
