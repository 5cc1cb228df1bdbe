"""The small corpus, for what is said of it."""

import pytest
from support.small_corpus import SmallCorpus, build


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    """The small corpus. Tests must leave it as it is."""
    return build(tmp_path_factory.mktemp("small-corpus"))
