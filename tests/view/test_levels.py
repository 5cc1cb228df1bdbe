"""Stored levels: those that the corpus reads, and no damage unseen."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_corpus import SmallCorpus

from brains45k.corpus.chunks import TOP_LEVEL
from brains45k.corpus.manifest import read_metadata
from brains45k.corpus.reader import open_corpus
from brains45k.corpus.store import data_file
from brains45k.errors import DataError
from brains45k.view.levels import Levels, read_levels

NAME = "sub-01/sub-01_T1w.nii.gz"


@pytest.fixture
def row(copied: SmallCorpus) -> dict[str, Any]:
    return copied.rows()[NAME]


def read(corpus: SmallCorpus, row: dict[str, Any]) -> Levels:
    return read_levels(corpus.workdir, row, build_id=read_metadata(corpus.manifest)["build_id"])


def file_of(corpus: SmallCorpus, row: dict[str, Any]) -> Path:
    return data_file(corpus.shard(row), row["array"])


def test_levels_are_those_of_the_corpus(corpus: SmallCorpus) -> None:
    opened = open_corpus(corpus.manifest)
    kept = [row for row in corpus.rows().values() if row["status"] == "kept"]
    for row in kept:
        levels = read(corpus, row)
        whole = opened.patch(row["volume_id"], (0, 0, 0), row["shape"], dtype=np.uint16)
        np.testing.assert_array_equal(levels, whole)
        assert levels.max() == TOP_LEVEL
        assert levels.flags.f_contiguous


def test_a_flipped_bit(copied: SmallCorpus, row: dict[str, Any]) -> None:
    path = file_of(copied, row)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{row['array']}: damaged \(chunk .* Delete {row['shard']} and build"):
        read(copied, row)


def test_a_file_that_is_cut_short(copied: SmallCorpus, row: dict[str, Any]) -> None:
    path = file_of(copied, row)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"bytes, the manifest says"):
        read(copied, row)


@pytest.mark.parametrize("missing", ["shard", "array", "voxels"])
def test_what_is_missing(copied: SmallCorpus, row: dict[str, Any], missing: str) -> None:
    shard = copied.shard(row)
    if missing == "voxels":
        file_of(copied, row).unlink()
    else:
        shutil.rmtree(shard if missing == "shard" else shard / row["array"])
    with pytest.raises(DataError, match=r"a file of the shard is missing\. Build the corpus again\.$"):
        read(copied, row)


def test_a_shard_of_another_build(copied: SmallCorpus, row: dict[str, Any]) -> None:
    path = copied.shard(row) / "zarr.json"
    document = json.loads(path.read_text())
    document["attributes"]["build_id"] = "another"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="of build another, but the manifest is of"):
        read(copied, row)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"attributes": {}}'])
def test_an_array_that_says_something_else(copied: SmallCorpus, row: dict[str, Any], content: str) -> None:
    (copied.shard(row) / row["array"] / "zarr.json").write_text(content)
    with pytest.raises(DataError, match="damaged"):
        read(copied, row)


def test_a_file_that_cannot_be_opened_is_not_called_damaged(copied: SmallCorpus, row: dict[str, Any]) -> None:
    path = file_of(copied, row)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=r"cannot be read now \(Is a directory\)"):
        read(copied, row)


def test_other_volumes_are_read_when_one_shard_is_gone(copied: SmallCorpus, row: dict[str, Any]) -> None:
    shutil.rmtree(copied.shard(row))
    others = [other for other in copied.rows().values() if other["status"] == "kept" and other["shard"] != row["shard"]]
    assert others
    for other in others:
        assert read(copied, other).shape == tuple(other["shape"])
