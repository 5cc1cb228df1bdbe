"""Real volumes in native layouts, end to end."""

from pathlib import Path

import pandas as pd
import pydicom
import pytest
import yaml
from support.real_tree import LAYOUT, build_tree
from support.workspace import REPOSITORY, Workspace

import brains45k

pytestmark = [pytest.mark.workflow, pytest.mark.shared]


@pytest.fixture(scope="module")
def built(shared_volumes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    build_tree(folder / "data/sources", shared_volumes)
    base = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    sources = {name: {"enabled": name in LAYOUT, "buckets": 1} for name in base["sources"]}
    config = folder / "c.yaml"
    config.write_text(yaml.safe_dump({"sources": sources}))
    run = Workspace(folder, configfile=config).run()
    assert run.code == 0, run.text
    return folder


def test_every_volume_is_accounted_for(built: Path) -> None:
    rows = pd.read_parquet(built / "manifests/corpus.parquet")
    found = {(row.source, row.source_path): row.reason or row.status for row in rows.itertuples()}
    laid_out = {(source, path) for source in LAYOUT for path in LAYOUT[source] if not path.endswith(".hdr")}
    assert laid_out <= set(found)
    # What is more is the DICOM series, as one row.
    (first, *_) = sorted((built / "data/sources/adni").rglob("*.dcm"))
    thickness_mm = float(pydicom.dcmread(first, stop_before_pixels=True).SliceThickness)
    (series,) = [row for row in rows.itertuples() if (row.source, row.source_path) not in laid_out]
    assert (series.source_format, series.status, series.slice_thickness_mm) == ("dcm", "kept", thickness_mm)


def test_the_verdicts_are_those_a_person_would_give(built: Path) -> None:
    rows = pd.read_parquet(built / "manifests/corpus.parquet")
    counts = rows["reason"].fillna("kept").value_counts().to_dict()
    # The mask passed off as an image is refused; of images that lie in two sources one is kept.
    assert counts == {
        "kept": 11, "S_LABEL": 3, "E_DUP_FILE": 1, "E_DUP_VOXEL": 2, "S_COHORT": 1, "S_FORMAT": 1, "E_LABELMAP": 1,
    }  # fmt: skip


def test_the_corpus_reads_back(built: Path) -> None:
    corpus = brains45k.open_corpus(built / "manifests/corpus.parquet")
    for volume in corpus:
        assert volume.data.min() == 0
        assert volume.data.max() == 1
        assert volume.spacing_mm == pytest.approx((1, 1, 1), abs=0.01)
