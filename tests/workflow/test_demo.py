"""The demo corpus, end to end: every file accounted for, every volume faithful, the same bytes every time."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from support.levels import as_stored
from support.workspace import Workspace

import brains45k
from brains45k.cli import cli
from brains45k.corpus.manifest import Status
from brains45k.demo.faults import FAULTS
from brains45k.demo.write import DEMO_SOURCES
from brains45k.volume.content import Named

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def manifest(demo: Workspace) -> pd.DataFrame:
    return pd.read_parquet(demo.folder / "manifests/corpus.parquet")


def test_all_nine_sources_are_in_the_corpus(manifest: pd.DataFrame) -> None:
    kept = manifest[manifest["status"] == Status.KEPT]
    assert set(kept["source"]) == set(DEMO_SOURCES)


def test_found_is_kept_and_excluded_and_duplicate(demo: Workspace, manifest: pd.DataFrame) -> None:
    for source, rows in manifest.groupby("source"):
        found = pd.read_parquet(demo.folder / f"data/index/{source}.parquet")
        assert set(rows["volume_id"]) == set(found["volume_id"])
        assert set(rows["status"]) <= set(Status)


@pytest.mark.parametrize(
    ("source", "path", "code"), [(source, path, code) for source in FAULTS for path, code in FAULTS[source].items()]
)
def test_each_fault_has_its_row_with_its_code(manifest: pd.DataFrame, source: str, path: str, code: str) -> None:
    rows = manifest[(manifest["source"] == source) & (manifest["source_path"] == path)]
    assert set(rows["reason"]) == {code}


def test_only_the_listed_faults_are_refused_as_damaged(manifest: pd.DataFrame) -> None:
    damaged = manifest[manifest["reason"].fillna("").str.startswith("E_")]
    assert {(row.source, row.source_path) for row in damaged.itertuples()} == {
        (source, path) for source in FAULTS for path, code in FAULTS[source].items() if code.startswith("E_")
    }


def test_each_kept_volume_equals_what_the_command_makes_of_its_file(demo: Workspace, tmp_path: Path) -> None:
    corpus = brains45k.open_corpus(demo.folder / "manifests/corpus.parquet")
    plans = [json.loads(path.read_text()) for path in demo.folder.glob("data/plan/*/*.json")]
    planned = {volume["volume_id"]: volume for plan in plans for volume in plan["volumes"]}
    out = tmp_path / "out.npy"
    for row in corpus.manifest.itertuples():
        plan = planned[row.volume_id]
        path = demo.folder / "data/demo" / str(row.source) / plan["path"]
        kind = plan["kind"] if plan["kind"] in list(Named) else "unknown"
        frame = [] if plan["frame"] is None else ["--frame", str(plan["frame"])]
        done = CliRunner().invoke(cli, ["preprocess", str(path), str(out), "--kind", kind, *frame])
        assert done.exit_code == 0, done.output
        np.testing.assert_array_equal(corpus.volume(str(row.volume_id)).data, as_stored(np.load(out)))


def test_a_finished_corpus_has_nothing_to_do_and_says_so(demo: Workspace) -> None:
    run = demo.run()
    assert run.code == 0
    assert run.jobs == {}
    assert "Nothing to be done" in run.text


def test_one_core_gives_the_same_bytes(demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "data/demo", tmp_path / "data/demo")
    run = Workspace(tmp_path).run(cores=1)
    assert run.code == 0, run.text
    assert "demo_sources" not in run.jobs
    for place in ("data/corpus", "manifests"):
        assert _digests(tmp_path / place) == _digests(demo.folder / place)


def _digests(folder: Path) -> dict[str, str]:
    # Pages say how long a volume took.
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".html")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_nothing_is_left_behind(demo: Workspace) -> None:
    assert [path for path in demo.folder.rglob("*.partial") if ".snakemake" not in path.parts] == []


def test_a_summary_ends_each_source(demo: Workspace) -> None:
    for source in DEMO_SOURCES:
        text = (demo.folder / f"logs/assemble_source/{source}.log").read_text()
        assert text.startswith(f"{source}: found ")
        assert "s per volume read" in text
