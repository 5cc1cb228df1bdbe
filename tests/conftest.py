"""What all tests share."""

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import settings
from support.small_corpus import SmallCorpus, build
from support.workspace import Workspace
from xdist.scheduler import LoadScopeScheduling

# The same examples in each run, however slow the machine.
settings.register_profile("brains45k", deadline=None, derandomize=True, database=None)
settings.load_profile("brains45k")

ROOT = Path(__file__).parents[1]


# Tests of these folders share a demo corpus or the one Slurm that a machine can have.
_TOGETHER = ("slurm", "workflow")
# Whole runs of a training, each in processes of its own.
_LONG = ("tests/training/test_pretrain.py", "tests/segmentation/test_finetune.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest come first, or one process would be at them when the other has run out of tests."""
    items.sort(key=lambda item: (_group(item.nodeid) not in _TOGETHER, not item.nodeid.startswith(_LONG)))


class _ByCost(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Keep tests that share a costly set-up in one of the processes: those of a file, or of a folder."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByCost:
    """Divide tests by :class:`_ByCost`: pytest-xdist's own groups are lost on pytest 9.2."""
    return _ByCost(config, log)


def _group(nodeid: str) -> str:
    path = PurePosixPath(nodeid.partition("::")[0])
    folder = path.parts[1] if path.parts[0] == "tests" else path.parts[0]
    return folder if folder in _TOGETHER else str(path)


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
