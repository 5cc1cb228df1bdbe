"""The presets are the reference's, and plain data."""

from dataclasses import asdict

import pytest

pytest.importorskip("torch")

from brains45k.errors import CallError
from brains45k.training import masking
from brains45k.training.augment.preset import PRESETS, find_preset
from brains45k.training.augment.spatial import Spatial

#: Of asbjrnmunk/amaes at a51df88, in its order; both ends of whole numbers included.
REFERENCE = {
    "additive_noise": {"probability": 0.2, "sigma": (1e-4, 1e-3)},
    "blur": {"probability": 0.2, "channel_probability": 0.5, "sigma_voxels": (0, 1)},
    "multiplicative_noise": {"probability": 0.2, "sigma": (1e-4, 1e-3)},
    "motion_ghosting": {"probability": 0.2, "strength": (0.85, 0.95), "repetitions": (2, 10)},
    "gibbs_ringing": {"probability": 0.2, "kept_lines": (96, 128), "of_lines": 128},
    "low_resolution": {"probability": 0.2, "channel_probability": 0.5, "axis_probability": 0.33, "zoom": (0.5, 1)},
    "bias_field": {"probability": 0.33},
    "gamma": {"probability": 0.2, "inverted_probability": 0.05, "gamma": (0.5, 2)},
}
SPATIAL = {
    "elastic_probability": 0.33,
    "elastic_sigma_voxels": (20, 30),
    "elastic_alpha": (200, 600),
    "rotation_probability": 0.2,
    "axis_probability": 0.66,
    "rotation_degrees": (-30, 30),
    "scale_probability": 0.2,
    "scale": (0.9, 1.1),
}


def test_all_is_the_reference() -> None:
    chosen = asdict(find_preset("all"))
    assert chosen["spatial"] == SPATIAL
    assert list(chosen["intensity"]) == list(REFERENCE.values())
    assert [transform.name for transform in find_preset("all").intensity] == list(REFERENCE)


def test_spatial_changes_no_intensity_and_none_changes_nothing() -> None:
    assert find_preset("spatial").spatial == find_preset("all").spatial
    assert find_preset("spatial").intensity == ()
    assert find_preset("none").spatial is None
    assert find_preset("none").intensity == ()


def test_each_transform_has_random_numbers_of_its_own() -> None:
    names = [transform.name for transform in find_preset("all").intensity]
    assert len({*names, Spatial.name, masking.PURPOSE}) == len(names) + 2


def test_basic_turns_and_scales_and_does_nothing_else() -> None:
    chosen = asdict(find_preset("basic"))
    assert chosen["spatial"] == SPATIAL | {"elastic_probability": 0}
    assert chosen["intensity"] == ()


def test_an_unknown_preset_is_refused() -> None:
    assert set(PRESETS) == {"all", "spatial", "basic", "none"}
    with pytest.raises(CallError, match="'fullaug' is unknown: choose one of all, spatial, basic, none"):
        find_preset("fullaug")
