"""Servers of the viewer, over the small corpus and over a manifest of awkward names whose shards are not there."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.small_corpus import SmallCorpus, build
from support.synthetic_manifest import synthetic_manifest
from view.asking import serving

from brains45k.view.server import ViewServer


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    """The small corpus. Tests must leave it as it is."""
    return build(tmp_path_factory.mktemp("small-corpus"))


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 700 rows with every code, and names that mean harm."""
    manifest = tmp_path_factory.mktemp("awkward") / "manifests" / "corpus.parquet"
    manifest.parent.mkdir()
    pq.write_table(synthetic_manifest(700), manifest)
    return manifest


@pytest.fixture(scope="module")
def server(corpus: SmallCorpus) -> Iterator[ViewServer]:
    """A server over the small corpus."""
    with serving(corpus.manifest) as running:
        yield running


@pytest.fixture(scope="module")
def awkward_server(awkward: Path) -> Iterator[ViewServer]:
    """A server over the awkward manifest."""
    with serving(awkward) as running:
        yield running
