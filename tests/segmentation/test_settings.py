from dataclasses import MISSING, asdict, fields, replace
from typing import Any

import pytest

from brains45k.errors import CallError
from brains45k.schema import load_schema
from brains45k.segmentation.settings import Finetune, FinetuneSettings, make_settings, read_finetune

_ENTRY = {"name": "run", "network": "unet_b"}
_CPU = {"accelerator": "cpu", "precision": "32-true"}
_RECIPE = make_settings(_ENTRY)


def _schema() -> Any:
    return load_schema("config")["properties"]["finetune"]["properties"]


def test_schema_and_recipe_know_the_same_keys_and_defaults() -> None:
    rules = _schema()["recipe"]["properties"]
    run = list(_schema()["runs"]["items"]["properties"])
    assert [field.name for field in fields(FinetuneSettings)] == [*run, *rules]
    defaults = {field.name: field.default for field in fields(FinetuneSettings) if field.name in rules}
    assert {key: rule["default"] for key, rule in rules.items()} == defaults


def test_schema_and_settings_agree_on_the_folds() -> None:
    defaults = {key: rule["default"] for key, rule in _schema().items() if "default" in rule}
    known = {field.name: field.default for field in fields(Finetune) if field.default is not MISSING}
    assert known == {"tasks": (), **defaults, "seeds": tuple(defaults["seeds"])}


def test_all_runs_share_one_recipe() -> None:
    runs = [_ENTRY, {"name": "other", "network": "unet_tiny", "pretrained": "run.safetensors"}]
    found = read_finetune(
        {"finetune": {"tasks": ["wmh"], "seeds": [3, 1], "recipe": _CPU | {"learning_rate": 1}, "runs": runs}}
    )
    assert (found.tasks, found.seeds, found.train_cases) == (("wmh",), (3, 1), 20)
    assert list(found.runs) == ["run", "other"]
    first, second = found.runs.values()
    assert replace(second, name="run", network="unet_b", pretrained=None) == first
    assert second.pretrained == "run.safetensors"
    assert isinstance(first.learning_rate, float)


def test_a_config_without_the_key_finetunes_nothing() -> None:
    assert read_finetune({}) == Finetune(runs={})


def test_two_runs_of_one_name_are_refused() -> None:
    with pytest.raises(CallError, match=r"finetune\.runs\.1: a second run is called 'run'"):
        read_finetune({"finetune": {"runs": [_ENTRY, _ENTRY]}})


def test_two_runs_from_scratch_of_one_network_are_refused() -> None:
    with pytest.raises(CallError, match="run and other both train unet_b from scratch"):
        read_finetune({"finetune": {"runs": [_ENTRY, _ENTRY | {"name": "other"}]}})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"accelerator": "cpu"}, "set precision: 32-true"),
        ({"patch_size_voxels": 120}, "multiple of 16 voxels, at least 32, not 120"),
        ({"patch_size_voxels": 16}, "at least 32, not 16"),
        ({"network": "swin_unetr", "patch_size_voxels": 48}, "multiple of 32 voxels, at least 64, not 48"),
        ({"network": "swin_unetr", "deep_supervision": True}, "has no deep supervision"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CallError, match=said):
        make_settings(_ENTRY | change)


@pytest.mark.parametrize(("network", "size"), [("unet_tiny", 24), ("unet_b", 48), ("swin_unetr", 96)])
def test_patches_that_a_network_can_halve_will_do(network: str, size: int) -> None:
    assert make_settings({"name": "run", "network": network, "patch_size_voxels": size}).patch_size_voxels == size


# Of train.py of asbjrnmunk/amaes at a51df88, run; the rate at 0 is the first one itself.
@pytest.mark.parametrize(("epoch", "expected"), [(0, 1e-4), (250, 6.02e-5), (499, 4.25e-6)])
def test_the_learning_rate_is_the_references(epoch: int, expected: float) -> None:
    steps = range(epoch * 100, epoch * 100 + 100)
    assert len({_RECIPE.learning_rate_at(step) for step in steps}) == 1
    assert _RECIPE.learning_rate_at(steps[0]) == pytest.approx(expected, rel=1e-3)


def test_the_learning_rate_never_reaches_its_end_in_a_run() -> None:
    for epochs in (1, 2, 6, 7, 100):
        run = replace(_RECIPE, epochs=epochs)
        rates = [run.learning_rate_at(epoch * 100) for epoch in range(epochs)]
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] > 1e-9


def test_digest_follows_what_decides_the_weights() -> None:
    indecisive = {"name", "workers", "mirror", "overlap", "log_every_steps", "checkpoint_every_steps"}
    digest = _RECIPE.digest(fold="a")
    for key, value in asdict(_RECIPE).items():
        changed: Any = {str: "other", bool: not value, int: 7, float: 0.75, type(None): "file"}[type(value)]
        same = replace(_RECIPE, **dict[str, Any]({key: changed})).digest(fold="a") == digest
        assert same == (key in indecisive), key
    assert _RECIPE.digest(fold="b") != digest
    assert _RECIPE.digest(fold=None) != digest


def test_resources_follow_device_and_workers() -> None:
    assert (_RECIPE.gpus, make_settings(_ENTRY | _CPU).gpus) == (1, 0)
    assert replace(_RECIPE, workers=3, threads=2).cpus == 5
    assert replace(_RECIPE, workers=5).memory_mb > _RECIPE.memory_mb
    assert replace(_RECIPE, batch_size=16).memory_mb > _RECIPE.memory_mb
