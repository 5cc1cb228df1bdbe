"""A tenth source is one YAML file and no code."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.workspace import REPOSITORY, Workspace

from brains45k.demo.phantom import Grid, Head, render

pytestmark = pytest.mark.workflow

_GRID = Grid((4.0, 4.0, 4.0), "LAS")


def _write_bids(root: Path) -> None:
    for subject, suffix in (("01", "T1w"), ("01", "T2w"), ("02", "FLAIR")):
        folder = root / f"sub-{subject}/ses-1/anat"
        folder.mkdir(parents=True, exist_ok=True)
        image = render(Head(seed=int(subject)), _GRID, suffix)
        image.to_filename(folder / f"sub-{subject}_ses-1_{suffix}.nii.gz")


def _config(path: Path, name: str, root: str) -> Path:
    base = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    sources: dict[str, dict[str, object]] = {key: {"enabled": False} for key in base["sources"]}
    sources[name] = {"enabled": True, "root": root, "buckets": 1}
    path.write_text(yaml.safe_dump({"sources": sources}))
    return path


def test_any_bids_dataset_is_a_source(tmp_path: Path) -> None:
    _write_bids(tmp_path / "my_dataset")
    run = Workspace(tmp_path, configfile=_config(tmp_path / "c.yaml", "bids", "my_dataset")).run()
    assert run.code == 0, run.text
    rows = pd.read_parquet(tmp_path / "manifests/corpus.parquet")
    assert sorted(zip(rows["subject"], rows["suffix"], rows["status"], strict=True)) == [
        ("01", "T1w", "kept"),
        ("01", "T2w", "kept"),
        ("02", "FLAIR", "kept"),
    ]


def test_a_new_source_file_is_enough(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("Snakefile", "config", "workflow"):
        place = REPOSITORY / name
        (shutil.copytree if place.is_dir() else shutil.copy)(place, repository / name)
    document = yaml.safe_load((REPOSITORY / "config/sources/bids.yaml").read_text())
    document |= {"title": "My hospital's scans", "licence": "internal"}
    (repository / "config/sources/hospital.yaml").write_text(yaml.safe_dump(document))
    _write_bids(tmp_path / "scans")
    workspace = Workspace(tmp_path, _config(tmp_path / "c.yaml", "hospital", "scans"), repository)
    run = workspace.run()
    assert run.code == 0, run.text
    rows = pd.read_parquet(tmp_path / "manifests/hospital.parquet")
    assert set(rows["licence"]) == {"internal"}
    assert (rows["status"] == "kept").all()
