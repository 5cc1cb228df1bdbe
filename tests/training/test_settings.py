from dataclasses import MISSING, asdict, fields, replace
from typing import Any

import pytest

from brains45k.errors import CallError
from brains45k.schema import load_schema
from brains45k.training.settings import PretrainSettings, make_settings, read_runs

_ENTRY = {"name": "run", "network": "unet_b"}


def test_schema_and_settings_know_the_same_keys_and_defaults() -> None:
    item = load_schema("config")["properties"]["pretrain"]["items"]
    defaults = {key: rule["default"] for key, rule in item["properties"].items() if "default" in rule}
    assert [field.name for field in fields(PretrainSettings)] == list(item["properties"])
    assert {field.name: field.default for field in fields(PretrainSettings) if field.default is not MISSING} == defaults
    assert item["required"] == [field.name for field in fields(PretrainSettings) if field.default is MISSING]


def test_whole_numbers_are_rates_as_well() -> None:
    run = make_settings(_ENTRY | {"learning_rate": 1, "weight_decay": 0})
    assert isinstance(run.learning_rate, float)
    assert isinstance(run.weight_decay, float)


def test_patches_per_step_counts_all_processes() -> None:
    run = make_settings(_ENTRY | {"batch_size": 3, "accumulate_batches": 2, "devices": 4, "nodes": 5})
    assert run.processes == 20
    assert run.patches_per_step == 120


@pytest.mark.parametrize(("accelerator", "expected"), [("gpu", 4), ("cpu", 0)])
def test_a_run_on_processors_asks_for_no_gpu(accelerator: str, expected: int) -> None:
    run = make_settings(_ENTRY | {"devices": 4, "accelerator": accelerator, "precision": "32-true"})
    assert run.gpus_per_node == expected


def test_resources_grow_with_devices_and_workers() -> None:
    small = make_settings(_ENTRY | {"workers": 1})
    assert replace(small, devices=2).cpus_per_node == 2 * small.cpus_per_node == 4
    assert replace(small, devices=2).memory_mb_per_node == 2 * small.memory_mb_per_node
    assert replace(small, workers=9).memory_mb_per_node > small.memory_mb_per_node


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"patch_size_voxels": 48, "token_voxels": 5}, "do not fill"),
        ({"epochs": 5, "warmup_epochs": 5}, "warm-up"),
        ({"accelerator": "cpu"}, "32-true"),
    ],
)
def test_contradictions_are_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(CallError, match=word):
        make_settings(_ENTRY | change)


def test_two_runs_of_one_name_are_refused() -> None:
    with pytest.raises(CallError, match="second run is called 'run'"):
        read_runs({"pretrain": [_ENTRY, _ENTRY]})


def test_a_config_without_runs_has_none() -> None:
    assert read_runs({}) == {}


def test_digest_follows_what_decides_the_weights() -> None:
    run = make_settings(_ENTRY)
    digest = run.digest(corpus="a")
    for key, value in asdict(run).items():
        changed: Any = {str: "other", bool: not value, int: 7, float: 0.5}[type(value)]
        same = replace(run, **dict[str, Any]({key: changed})).digest(corpus="a") == digest
        assert same == (key in {"name", "workers", "log_every_steps", "checkpoint_every_steps"}), key
    assert run.digest(corpus="b") != digest
