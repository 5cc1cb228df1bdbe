from typing import Any

import pytest

pytest.importorskip("torch")

from brains45k.errors import DataError
from brains45k.training.settings import PretrainSettings, make_settings
from brains45k.training.world import join_world, require_gpus


def _settings(**change: Any) -> PretrainSettings:
    return make_settings({"name": "run", "network": "unet_b", "accelerator": "cpu", "precision": "32-true"} | change)


def test_a_process_knows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    world = join_world(_settings(devices=2, nodes=2))
    assert (world.rank, world.size, world.is_first) == (2, 4, False)


def test_a_process_alone_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_world(_settings()).is_first


@pytest.mark.parametrize("started", ["1", "3"])
def test_fewer_or_more_processes_than_asked_for_are_refused(started: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", started)
    with pytest.raises(DataError, match=f"{started} processes were started, not 1 x 2"):
        join_world(_settings(devices=2))


def test_gpus_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    settings = _settings(accelerator="gpu", devices=2)
    with pytest.raises(DataError, match=r"asks for 2 GPUs on each node, and torch finds 1 .*CUDA_VISIBLE_DEVICES 0"):
        require_gpus(settings, found=1)
    require_gpus(settings, found=2)


def test_a_run_on_processors_needs_no_gpu() -> None:
    require_gpus(_settings(devices=8), found=0)
