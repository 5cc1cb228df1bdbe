"""From archives as a person downloads them to a corpus, and what a DICOM series and its tables leave behind."""

import csv
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.dicom import BIRTHDAY, IDENTIFIER, VOXELS, dual_echo, planted, save
from support.workspace import REPOSITORY, Workspace

pytestmark = pytest.mark.workflow

_SOURCES = ("adni", "ppmi", "msseg1")
_SERIES = "ADNI/137_S_1414/MP-RAGE/2008-02-26_11_57_53.0/I92752"
_ECHOES = "ADNI/137_S_1414/Axial_PD_T2_FSE/2008-02-26_12_07_53.0/I92753"


@pytest.fixture(scope="module")
def by_hand(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo's by-hand sources as zips in otherwise empty folders, fetched and built as a user would."""
    folder = tmp_path_factory.mktemp("by-hand")
    for source in _SOURCES:
        _zip(demo.folder / "data/demo" / source, folder / "data/sources" / source)
    base = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    config = folder / "config.yaml"
    sources = {name: {"enabled": name in _SOURCES, "buckets": 1} for name in base["sources"]}
    config.write_text(yaml.safe_dump({"sources": sources}))
    workspace = Workspace(folder, configfile=config, target="fetch")
    fetched = workspace.run()
    assert fetched.code == 0, fetched.text
    for source in _SOURCES:
        assert f"{source} " in fetched.text
    assert fetched.text.count("unpacked") >= len(_SOURCES)
    _add_dicom(folder / "data/sources/adni")
    built = Workspace(folder, configfile=config).run()
    assert built.code == 0, built.text
    yield Workspace(folder, configfile=config)
    shutil.rmtree(folder)


def rows(workspace: Workspace, source: str) -> pd.DataFrame:
    return pd.read_parquet(workspace.folder / f"manifests/{source}.parquet")


@pytest.mark.parametrize("source", _SOURCES)
def test_archives_end_in_the_corpus_that_the_folders_make(by_hand: Workspace, demo: Workspace, source: str) -> None:
    columns = ["volume_id", "source_path", "status", "reason", "voxel_sha256", "description", "field_strength_t"]
    found = rows(by_hand, source)
    unpacked = found[~found.source_path.str.contains("137_S_1414")]
    expected = rows(demo, source)
    pd.testing.assert_frame_equal(unpacked[columns].reset_index(drop=True), expected[columns].reset_index(drop=True))
    assert (unpacked.status == "kept").sum() > 0


def test_archives_are_unpacked_once_and_go(by_hand: Workspace) -> None:
    assert not list(by_hand.folder.glob("data/sources/*/*.zip"))
    again = Workspace(by_hand.folder, configfile=by_hand.configfile, target="fetch").run()
    assert again.code == 0, again.text
    assert again.text.count("there already") == len(_SOURCES)


def test_a_dicom_series_is_a_volume_with_its_facts(by_hand: Workspace) -> None:
    found = rows(by_hand, "adni").set_index("source_path")
    row = found.loc[f"{_SERIES}/0000.dcm"]
    assert (row.status, row.source_format, row.field_strength_t, row.manufacturer) == ("kept", "dcm", 3.0, "Siemens")
    assert (row.echo_time_ms, row.repetition_time_ms, row.slice_thickness_mm) == (10.0, 500.0, 5.0)
    assert (row.visit, row.description) == ("Baseline", "T1 axial")


def test_each_echo_of_a_series_is_a_volume(by_hand: Workspace) -> None:
    found = rows(by_hand, "adni")
    echoes = found[found.source_path == f"{_ECHOES}/0000.dcm"]
    assert list(echoes.channel) == ["e1", "e2"]
    assert list(echoes.status) == ["kept", "kept"]
    assert list(echoes.echo_time_ms) == [10.0, 90.0]
    assert echoes.volume_id.is_unique


def test_nothing_that_was_built_holds_what_identifies_a_person(by_hand: Workspace) -> None:
    planted_texts = [text.encode() for text in (IDENTIFIER, IDENTIFIER.lower(), BIRTHDAY)]
    written = [
        path
        for folder in ("manifests", "logs", "data/corpus", "data/index", "data/plan", ".snakemake")
        for path in (by_hand.folder / folder).rglob("*")
        if path.is_file()
    ]
    assert written
    assert [path for path in written if any(text in path.read_bytes() for text in planted_texts)] == []
    frames = [pd.read_parquet(path) for path in (by_hand.folder / "manifests").glob("*.parquet")]
    assert not any(
        frame.astype(str).apply(lambda column: column.str.contains(IDENTIFIER)).any().any() for frame in frames
    )


def _zip(tree: Path, root: Path) -> None:
    """Pack a source's files into two archives that share their folders, as LONI does."""
    root.mkdir(parents=True)
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and not path.name.startswith(".demo")]
    for number, part in enumerate((files[::2], files[1::2])):
        with zipfile.ZipFile(root / f"download_{number}.zip", "w") as archive:
            for path in part:
                archive.write(path, path.relative_to(tree))


def _add_dicom(root: Path) -> None:
    """Add a series with planted identifiers, one of two echoes, and a line for the first in the collection's table."""
    named = planted()
    for dataset, voxels in zip(named, VOXELS.T, strict=True):
        # Brighter than the first echo, or it would be the same image again.
        dataset.PixelData = (voxels * 2).tobytes()
    save(named, root / _SERIES)
    save(dual_echo(), root / _ECHOES)
    (table,) = root.glob("*.csv")
    with table.open(newline="") as file:
        header = next(csv.reader(file))
    known = {
        "Image Data ID": "I92752", "Subject": "137_S_1414", "Visit": "Baseline", "Modality": "MRI",
        "Description": "MP-RAGE", "Type": "Original", "Acq Date": "2/26/2008", "Format": "DCM",
    }  # fmt: skip
    with table.open("a", newline="") as file:
        csv.writer(file).writerow([known.get(name, "") for name in header])
