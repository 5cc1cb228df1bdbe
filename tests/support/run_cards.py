"""Run cards for tests, and a reader of their pages."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path, PurePath
from typing import Any

from brains45k.training.card import (
    Card,
    Corpus,
    Cost,
    Count,
    NetworkSize,
    RunFile,
    SourceTerms,
    Verdict,
    write_card,
)

VOID = {"meta", "img", "br", "use", "path", "rect"}

TERMS = SourceTerms(
    name="tiny",
    title="A tiny source",
    licence="CC0",
    terms=["Ask before you pass it on."],
    citation=["Nobody 2024, doi:10.1/2"],
    homepage="https://example.org/tiny",
)


def history_rows(steps: int = 40) -> list[dict[str, Any]]:
    """Return rows of training and of validation in turns, with figures of many digits."""
    found: list[dict[str, Any]] = []
    for step in range(steps):
        found.append({"step": step, "epoch": step // 10, "train_loss": 1 / (3 + step), "learning_rate": 1e-4 / 3})
        found[-1] |= {"patches_per_s": 20 + 1 / 3, "waiting_share": step / 7000}
        if step % 10 == 9:
            found.append({"step": step, "epoch": step // 10, "val_loss": 1 / (2 + step), "mean_loss": 1 / 7})
    return found


def run_card(**changes: Any) -> Card:
    """Return a card with figures of many digits."""
    plain = Card(
        name="tiny",
        started_utc="2026-01-05 08:00:00",
        finished_utc="2026-01-05 09:30:00",
        verdict=Verdict(1 / 41, 1 / 7),
        cost=Cost(
            trained_s=5400.5, patches_per_s=61 / 3, waiting_share=1 / 60, host_peak_mb=1234.5, device_peak_mb=77.7
        ),
        network=NetworkSize("unet_tiny", 12345, 678),
        settings={"optimiser": {"learning_rate": 1e-4 / 3, "betas": [0.9, 0.999]}, "size_voxels": 32, "resume": None},
        corpus=Corpus(
            "b1f7a9",
            {"train": Count(20, 9), "val": Count(2, 1)},
            {"a/b~c": {"train": Count(20, 9)}, "d": {"val": Count(2, 1)}},
        ),
        terms=[TERMS],
        history=history_rows(),
        hardware=["2 cores"],
        versions={"torch": "2.13.0"},
        resumed_at_steps=[20],
        files=[
            RunFile(PurePath("last.ckpt"), 3_456_789, "ab" * 32),
            RunFile(PurePath("w.safetensors"), 123, "cd" * 32),
        ],
    )
    return replace(plain, **changes)


class Page(HTMLParser):
    """A page: its tags, its text, and its figures by their place in card.json."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.figures: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self._figure: dict[str, str] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "data":
            self._figure = attributes
            self._start = len(self.text)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        if tag == "data" and self._figure:
            self.figures.append((self._figure["data-pointer"], self._figure["value"], self.text[self._start :]))

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def shown(self, pointer: str) -> set[str]:
        """Return how a figure is shown."""
        return {text for place, _, text in self.figures if place == pointer}


def write_and_read(folder: Path, written: Card) -> tuple[dict[str, Any], Page]:
    """Write a card and return what its two files hold; JSON in the strict sense."""
    write_card(folder, written)
    document = json.loads((folder / "card.json").read_text(encoding="utf-8"), parse_constant=_refuse)
    return document, Page((folder / "card.html").read_text(encoding="utf-8"))


def _refuse(constant: str) -> None:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


def lookup(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer points to."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document
