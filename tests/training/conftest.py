"""One small corpus for all tests of training, and copies of it to change."""

import shutil
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus, build


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


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Leave the other cores to other tests: torch's threads would wait for them, and keep them busy with that."""
    if find_spec("torch"):
        import_module("torch").set_num_threads(1)
