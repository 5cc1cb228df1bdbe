"""What all tests share."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from support.small_corpus import SmallCorpus, build
from support.workspace import Workspace

# The same examples in each run, however slow the machine.
settings.register_profile("brains45k", deadline=None, derandomize=True, database=None)
settings.load_profile("brains45k")

ROOT = Path(__file__).parents[1]


# Tests of these folders share a demo corpus or the one Slurm that a machine can have.
_TOGETHER = ("slurm", "workflow")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a costly set-up in one of the processes that run tests: a file's, or a folder's.

    The longest come first, or one process would be at them when the other has run out of tests.
    """
    items.sort(key=lambda item: _group(item) not in _TOGETHER)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    place = item.path.relative_to(ROOT / "tests")
    return place.parts[0] if place.parts[0] in _TOGETHER else str(place)


@pytest.fixture(scope="session")
def shared_volumes() -> Path:
    """Give the developers' folder of real volumes, which lies beside the repository."""
    folder = ROOT.parent / "shared" / "volumes"
    if not folder.is_dir():
        pytest.skip(f"the real volumes are not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo corpus, built as README says. Tests must leave it as it is."""
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    run = workspace.run()
    assert run.code == 0, run.text
    return workspace


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    """The small corpus. Tests must leave it as it is."""
    return build(tmp_path_factory.mktemp("small-corpus"))


@pytest.fixture
def copied(corpus: SmallCorpus, tmp_path: Path) -> SmallCorpus:
    """A copy of the small corpus, times included, for a test to change."""
    workdir = tmp_path / "copy"
    shutil.copytree(corpus.workdir, workdir)
    return replace(corpus, workdir=workdir)
