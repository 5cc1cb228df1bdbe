"""A real browser, and the reports of two synthetic sources as files on disk."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from support.synthetic_manifest import synthetic_manifest, write_manifests, write_pictures

from brains45k.corpus.manifest import read_manifest
from brains45k.report.numbers import read_numbers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

_ROWS = {"alpha": 700, "beta": 200}
_TERMS = {
    "homepage": "https://example.org/?a=1&b=2",
    "licence": "CC0 & more",
    "terms": ["Name <the> source."],
    "citation": ["Nobody & Somebody 2024"],
    "facts": ["Nothing is 'known'."],
    "access": {"kind": "by_hand", "steps": ["Ask."], "terms_url": "javascript:alert(1)"},
    "expected": {"volumes": None},
}


@dataclass(frozen=True)
class Reports:
    """The folder of the pages, and the manifest that they speak of."""

    folder: Path
    manifest: Path

    def rows(self, source: str) -> pd.DataFrame:
        """Return the rows of a source, read anew."""
        table = pd.read_parquet(self.manifest)
        return table[table["source"] == source].reset_index(drop=True)


Open = Callable[..., "Page"]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    from brains45k.report.page import build_index_page, build_source_page  # noqa: PLC0415 - where Altair is

    folder = tmp_path_factory.mktemp("corpus")
    tables = {name: synthetic_manifest(rows, source=name) for name, rows in _ROWS.items()}
    manifest = write_manifests(folder / "manifests", tables)
    made = Reports(folder / "manifests" / "reports", manifest)
    for table in tables.values():
        write_pictures(table, made.folder)
    numbers = read_numbers(manifest, documents=dict.fromkeys(tables, _TERMS))
    corpus = read_manifest(manifest).to_pandas()
    for name, source in numbers.sources.items():
        build_source_page(made.folder, source, corpus[corpus["source"] == name])
    build_index_page(made.folder, numbers)
    return made


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - where it is installed

    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


def failures(request: "Request") -> list[str]:
    """Return what a failed request failed of; leaving a page while its pictures load is no failure."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.failure}: {request.url}"]


@pytest.fixture
def complaints() -> list[str]:
    """What a page did that it must not do; see ``open_page``."""
    return []


@pytest.fixture
def open_page(browser: "Browser", reports: Reports, complaints: list[str]) -> Iterator[Open]:
    """Open a page from disk; any error, script of a name or request to elsewhere fails the test."""
    from playwright.sync_api import expect  # noqa: PLC0415 - where it is installed

    contexts = []

    def open_one(name: str, address: str = "", *, width: int = 1280, height: int = 900, **options: Any) -> "Page":
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda asked: complaints.extend([] if asked.url.startswith("file://") else [asked.url]))
        page.on("requestfailed", lambda asked: complaints.extend(failures(asked)))
        page.goto(f"{(reports.folder / f'{name}.html').as_uri()}{address}")
        if name != "index" and options.get("java_script_enabled", True):
            expect(page.locator("html[data-ready]")).to_have_count(1)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
