"""What a user meets before any work: the config's errors, and sources that are not there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.workspace import REPOSITORY, Workspace

pytestmark = pytest.mark.workflow

_DEFAULT = REPOSITORY / "config/config.yaml"


def test_a_typo_in_the_config_is_named_before_any_work(tmp_path: Path) -> None:
    run = Workspace(tmp_path).run(overrides={"preprocess": {"spacing_m": 1}})
    assert run.code != 0
    assert "unknown key 'spacing_m' at preprocess; did you mean 'spacing_mm'?" in run.text
    assert not (tmp_path / "data").exists()


def test_a_wrong_value_is_named(tmp_path: Path) -> None:
    run = Workspace(tmp_path).run(overrides={"selection": "referense"})
    assert run.code != 0
    assert "at selection: 'referense' is not one of ['reference', 'clean']" in run.text


def test_a_truth_value_of_the_command_line_is_explained(tmp_path: Path) -> None:
    run = Workspace(tmp_path).run("--config", "allow_missing=true")
    assert run.code != 0
    assert "at allow_missing: 'true' is not of type 'boolean'; on the command line write True or False." in run.text
    assert "boolean" not in Workspace(tmp_path).run("-n", "--config", "allow_missing=True").text


@pytest.mark.parametrize("target", ["corpus", "table"])
def test_planning_needs_no_torch(tmp_path: Path, target: str) -> None:
    """Each job of a corpus reads the workflow anew: torch would cost it seconds and a third of its memory."""
    stand_in = tmp_path / "library/torch.py"
    stand_in.parent.mkdir()
    stand_in.write_text("raise ImportError('torch was asked for')")
    run = Workspace(tmp_path, target=target).run("-n", library=stand_in.parent)
    assert run.code == 0, run.text
    assert "demo_sources" in run.jobs


def test_an_unknown_source_is_named_with_the_nearest(tmp_path: Path) -> None:
    run = Workspace(tmp_path).run(overrides={"sources": {"isles": {"enabled": True, "root": "x"}}})
    assert run.code != 0
    assert "sources.isles; did you mean 'isles22'?" in run.text


def test_missing_sources_end_the_run_with_how_to_get_each(tmp_path: Path) -> None:
    run = Workspace(tmp_path, configfile=_DEFAULT).run()
    assert run.code != 0
    assert "sources are not there: adni (missing), brats21 (missing)" in run.text
    assert "brains45k guide adni" in " ".join(run.text.split())
    assert run.jobs == {}


def test_a_wrong_root_is_told_apart_and_shows_what_was_found(tmp_path: Path) -> None:
    folder = tmp_path / "data/sources/msd/holiday"
    folder.mkdir(parents=True)
    (folder / "beach.nii.gz").write_bytes(b"x")
    run = Workspace(tmp_path, configfile=_DEFAULT).run("-n")
    assert run.code != 0
    assert "msd (wrong root)" in run.text
    assert "holiday/" in run.text
    assert "imagesTs" in run.text


def test_a_root_one_level_too_low_will_do(demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "data/demo/wmh/training", tmp_path / "wmh/training")
    sources = {"wmh": {"root": "wmh/training"}}
    run = Workspace(tmp_path, configfile=_DEFAULT).run("-n", overrides={"allow_missing": True, "sources": sources})
    assert run.code == 0, run.text
    assert "manifests/wmh.parquet" in run.text


def test_a_source_of_which_nothing_is_taken_is_told_before_any_work(demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "data/demo/wmh/test", tmp_path / "data/sources/wmh/test")
    run = Workspace(tmp_path, configfile=_DEFAULT).run("-n", overrides={"allow_missing": True})
    assert run.code != 0
    assert "wmh (nothing selected)" in run.text


def test_the_demo_knows_no_source_but_its_own(tmp_path: Path) -> None:
    run = Workspace(tmp_path).run("-n", overrides={"sources": {"bids": {"enabled": True}}})
    assert run.code != 0
    assert "the demo has no source 'bids'" in run.text


def test_allow_missing_goes_on_without(demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "data/demo/msd", tmp_path / "data/sources/msd")
    run = Workspace(tmp_path, configfile=_DEFAULT).run("-n", overrides={"allow_missing": True})
    assert run.code == 0, run.text
    assert set(re.findall(r"manifests/(\w+)\.parquet", run.text)) == {"msd", "corpus"}


def test_allow_missing_needs_at_least_one_source(tmp_path: Path) -> None:
    run = Workspace(tmp_path, configfile=_DEFAULT).run("-n", overrides={"allow_missing": True})
    assert run.code != 0
    assert "sources are not there" in run.text


def test_the_demo_does_not_write_over_a_real_corpus(demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo.folder / "data/demo/msd", tmp_path / "data/sources/msd")
    real = Workspace(tmp_path, configfile=_DEFAULT).run(
        overrides={"allow_missing": True, "sources": {"msd": {"buckets": 1}}}
    )
    assert real.code == 0, real.text
    run = Workspace(tmp_path).run("-n")
    assert run.code != 0
    assert "holds a real corpus" in run.text


def test_a_clone_lints_without_any_data(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(REPOSITORY / "Snakefile"), "--lint"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
