"""A demo corpus for tests to change."""

import shutil
from collections.abc import Iterator

import pytest
from support.workspace import Workspace


@pytest.fixture(scope="session")
def copied_demo(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A copy of the finished demo, times included, for tests that change raw files one after another."""
    folder = tmp_path_factory.mktemp("copied") / "demo"
    # Snakemake's own records come along: without them it could not know what a file was made from.
    shutil.copytree(demo.folder, folder, symlinks=True)
    yield Workspace(folder)
    shutil.rmtree(folder)
