"""The pages that the workflow makes, and Snakemake's own report, which holds them."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.workspace import REPOSITORY, Workspace

from brains45k.demo.write import DEMO_SOURCES

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def reported(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("reported") / "demo"
    shutil.copytree(demo.folder, folder, symlinks=True)
    yield Workspace(folder, target="reports")
    shutil.rmtree(folder)


def test_each_source_has_a_page_and_the_corpus_too(demo: Workspace) -> None:
    pages = sorted(path.name for path in (demo.folder / "manifests/reports").glob("*.html"))
    assert pages == sorted([*(f"{name}.html" for name in DEMO_SOURCES), "index.html"])


def test_all_volumes_that_were_read_have_a_picture(demo: Workspace) -> None:
    rows = pd.concat(pd.read_parquet(demo.folder / f"manifests/{name}.parquet") for name in DEMO_SOURCES)
    pictures = {path.stem for path in (demo.folder / "manifests/reports/pictures").glob("*/*.jpg")}
    assert set(rows[rows["shape"].notna()].volume_id) <= pictures
    assert pictures <= set(rows[rows.original_shape.notna()].volume_id)


def test_finished_pages_are_left_alone(reported: Workspace) -> None:
    assert "Nothing to be done" in reported.run().text


def test_a_page_that_was_lost_is_made_again_alone(reported: Workspace) -> None:
    page = reported.folder / "manifests/reports/wmh.html"
    before = page.read_bytes()
    page.unlink()
    run = reported.run()
    assert run.jobs == {"make_reports": 1, "reports": 1}, run.text
    assert page.read_bytes() == before


def test_snakemakes_report_holds_the_same_pages(reported: Workspace) -> None:
    bundle = reported.folder / "report.zip"
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        "--snakefile",
        str(REPOSITORY / "Snakefile"),
        "reports",
    ]
    command += ["--cores", "1", "--configfile", str(reported.configfile), "--report", str(bundle)]
    done = subprocess.run(command, cwd=reported.folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(bundle) as archive:
        held = {Path(name).name: archive.read(name) for name in archive.namelist() if "/data/raw/" in name}
        (index,) = (name for name in archive.namelist() if name.endswith("report.html"))
        overview = archive.read(index).decode()
    pages = {path.name: path.read_bytes() for path in (reported.folder / "manifests/reports").glob("*.html")}
    assert held == pages
    assert all(f'"{name}"' in overview for name in ("all sources", *DEMO_SOURCES))
    assert "which step of the funnel it passed" in overview
