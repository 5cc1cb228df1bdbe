"""All enabled sources: each one's end is said, and none keeps another away."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from support.small_corpus import config, document, head, write_catalog, write_nifti
from support.tiny_fetch import packed_as

from brains45k.corpus.settings import Settings, read_settings
from brains45k.fetch.every import fetch_every
from brains45k.fetch.source import Outcome
from brains45k.report.fetch_table import fetch_table
from brains45k.sources.catalog import Source


def settings_with(tmp_path: Path, **access: Any) -> Settings:
    """Return the config of the two tiny sources, of which the first has another access."""
    settings = read_settings(config(), catalog=write_catalog(tmp_path / "config/sources"))
    changed = Source("tiny", document(access={"kind": "open", "steps": ["Do this.", "Do that."]} | access))
    sources = {name: replace(entry, root=tmp_path / name) for name, entry in settings.sources.items()}
    return replace(settings, sources=sources | {"tiny": replace(sources["tiny"], source=changed)})


def test_a_source_that_fails_keeps_no_other_away(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, kind="by_hand", archives=["*.zip"])
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/a.zip").write_bytes(b"no archive")
    write_nifti(tmp_path / "frames/images/case11.nii.gz", head(1))
    log = io.StringIO()
    reports = {report.source.name: report for report in fetch_every(settings, log=log)}
    assert (reports["frames"].outcome, reports["tiny"].outcome) == (Outcome.THERE, None)
    assert "a.zip" in reports["tiny"].note
    ends = ["frames", str(tmp_path / "tiny/a.zip"), "tiny"]
    assert [line.partition(":")[0] for line in log.getvalue().splitlines()] == ends


def test_a_root_that_cannot_be_used_keeps_no_other_away(tmp_path: Path) -> None:
    fetch = {"provider": "files", "files": [{"url": "http://127.0.0.1:1/a", "bytes": 1}]}
    settings = replace(settings_with(tmp_path, fetch=fetch), accept_terms=("tiny",))
    (tmp_path / "tiny").symlink_to(tmp_path / "gone")
    reports = {report.source.name: report for report in fetch_every(settings, log=io.StringIO())}
    assert (reports["frames"].outcome, reports["tiny"].outcome) == (Outcome.BY_HAND, None)
    assert "tiny: cannot be used (" in reports["tiny"].note


def test_archives_that_were_left_alone_are_named_behind_the_steps(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, kind="by_hand", archives=["*.zip"])
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/thesis-backup.zip").write_bytes(packed_as({"thesis.tex": b"x"}))
    _, tiny = fetch_every(settings, log=io.StringIO())
    assert tiny.note == "1. Do this.\n2. Do that.\nnot of this source: thesis-backup.zip"


def test_terms_and_steps_are_shown_whole(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, fetch={"provider": "files", "files": [{"url": "http://x/a", "bytes": 1}]})
    frames, tiny = fetch_every(settings, log=io.StringIO())
    assert (frames.outcome, frames.note) == (Outcome.BY_HAND, "1. Ask the one who made it.")
    assert tiny.outcome is Outcome.TERMS
    assert "licence: CC0. None. If you accept this, add tiny to accept_terms" in tiny.note


def test_missing_credentials_are_no_failure(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("SYNAPSE_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    fetch = {"provider": "synapse", "project": "syn1", "names": ["*.zip"]}
    settings = replace(settings_with(tmp_path, kind="account", fetch=fetch), accept_terms=("tiny",))
    _, tiny = fetch_every(settings, log=io.StringIO())
    assert tiny.outcome is Outcome.CREDENTIALS
    assert "SYNAPSE_AUTH_TOKEN" in tiny.note


def test_the_table_has_a_line_for_each(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, kind="by_hand", steps=["Read [this]."])
    out = io.StringIO()
    Console(file=out, width=200).print(fetch_table(list(fetch_every(settings, log=io.StringIO()))))
    assert "tiny   │ left to you │ 1. Read [this]." in out.getvalue()
