"""Quantities: each is what its title says, and what cannot be computed is missing."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.manifest_rows import frame, row
from support.small_corpus import SmallCorpus

from brains45k.report.quantities import QUANTITIES, quantities_of, triples


def values(**changes: Any) -> dict[str, float]:
    return {name: float(column[0]) for name, column in quantities_of(frame([row(**changes)])).items()}


def test_all_quantities_of_a_volume() -> None:
    assert values() == pytest.approx({
        "spacing_i_mm": 1.0, "spacing_j_mm": 1.0, "spacing_k_mm": 1.2, "voxel_ul": 1.2, "anisotropy": 1.2,
        "shape_i": 256, "shape_j": 256, "shape_k": 166, "stored_x": 160, "stored_y": 200, "stored_z": 180,
        "stored_ml": 5760.0, "foreground_fraction": 0.5, "clip_value": 900.0, "mean": 300.0, "std": 150.0,
        "clip_ratio": 3.0, "variation": 0.5, "score_low": -2.0, "score_high": 4.0,
    })  # fmt: skip


def test_the_size_of_one_image_of_a_file_that_holds_several() -> None:
    assert values(original_shape=[240, 241, 155, 4])["shape_k"] == 155


@pytest.mark.parametrize("mean", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_ratio_that_means_nothing_is_missing(mean: float | None) -> None:
    assert np.isnan(values(mean=mean)["variation"]) or mean == float("inf")
    assert values(mean=mean)["foreground_fraction"] == 0.5


def test_a_row_that_was_not_read_has_no_value() -> None:
    found = values(status="excluded", reason="S_LABEL")
    assert list(found) == list(QUANTITIES)
    assert all(np.isnan(value) for value in found.values())


def test_triples_of_rows_in_their_order() -> None:
    column = pd.Series([[1, 2, 3], None, float("nan"), [4, 5, 6, 7], [1]], dtype=object)
    nothing = [np.nan] * 3
    np.testing.assert_array_equal(triples(column), np.array([[1, 2, 3], nothing, nothing, [4, 5, 6], nothing]))


def test_the_quantities_of_a_corpus(corpus: SmallCorpus) -> None:
    table = pd.read_parquet(corpus.manifest)
    kept = table[table["status"] == "kept"].reset_index(drop=True)
    found = quantities_of(kept)
    for number, volume in enumerate(kept.to_dict("records")):
        assert found["stored_ml"][number] == pytest.approx(np.prod(volume["shape"]) * np.prod(volume["spacing"]) / 1000)
        assert found["anisotropy"][number] == max(volume["original_spacing"]) / min(volume["original_spacing"])
        assert found["clip_ratio"][number] == volume["clip_value"] / volume["mean"]
        assert found["shape_k"][number] == volume["original_shape"][2]
