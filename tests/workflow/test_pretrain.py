"""Pretraining by the workflow: the demo's run, and what makes a run start again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.workspace import Workspace

pytest.importorskip("torch")

pytestmark = pytest.mark.workflow
_CARD = "models/pretrain/demo/card.json"
_WEIGHTS = "models/pretrain/demo/model.safetensors"


@pytest.fixture(scope="module")
def pretrained(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo's corpus and its run, as README says."""
    folder = tmp_path_factory.mktemp("pretrained") / "demo"
    shutil.copytree(demo.folder, folder, symlinks=True)
    workspace = Workspace(folder, target="pretrain")
    run = workspace.run()
    assert run.code == 0, run.text
    assert run.jobs == {"pretrain": 1, "pretrain_network": 1}, run.text
    yield workspace
    shutil.rmtree(folder)


def test_the_demo_learns_more_than_the_mean(pretrained: Workspace) -> None:
    card = json.loads((pretrained.folder / _CARD).read_text())
    losses = [row["val_loss"] for row in card["history"] if "val_loss" in row]
    assert losses[-1] < losses[0]
    assert card["verdict"]["val_loss"] == losses[-1]
    # By a wide margin: a network that only found the mean would come near it from above.
    assert losses[-1] < 0.85 * card["verdict"]["mean_loss"]


def test_a_finished_run_is_left_alone(pretrained: Workspace) -> None:
    assert "Nothing to be done" in pretrained.run().text


def test_where_a_shard_was_written_again_nothing_is_trained_again(pretrained: Workspace) -> None:
    shutil.rmtree(pretrained.folder / "data/corpus/wmh/wmh-0000.zarr")
    before = (pretrained.folder / _WEIGHTS).read_bytes()
    card = json.loads((pretrained.folder / _CARD).read_text())
    assert replace(pretrained, target="corpus").run().shards == {"wmh-0000"}
    run = pretrained.run()
    assert run.code == 0, run.text
    assert run.jobs == {"pretrain": 1, "pretrain_network": 1}, run.text
    assert f"begins at step {card['last_step']} " in (pretrained.folder / "logs/pretrain_network/demo.log").read_text()
    assert (pretrained.folder / _WEIGHTS).read_bytes() == before
    again = json.loads((pretrained.folder / _CARD).read_text())
    assert again["history"] == card["history"]
    assert again["started_utc"] == card["started_utc"]


def test_another_setting_starts_that_run_alone(pretrained: Workspace) -> None:
    entry = {
        "name": "demo",
        "network": "unet_tiny",
        "patch_size_voxels": 32,
        "accelerator": "cpu",
        "precision": "32-true",
    }
    run = pretrained.run("-n", overrides={"pretrain": [entry]})
    assert run.jobs == {"pretrain": 1, "pretrain_network": 1}, run.text


def test_another_corpus_starts_the_run(pretrained: Workspace) -> None:
    run = pretrained.run("-n", overrides={"split": {"val_fraction": 0.4}})
    assert "pretrain_network" in run.jobs, run.text


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "a", "network": "unet_bb"}, "'unet_bb' is not one of"),
        ({"name": "a", "network": "unet_b", "patchsize": 32}, "unknown key 'patchsize' at pretrain.0"),
        ({"name": "a", "network": "unet_b", "accelerator": "cpu"}, "set precision: 32-true"),
    ],
)
def test_a_wrong_run_ends_before_any_work(pretrained: Workspace, entry: dict[str, object], message: str) -> None:
    run = pretrained.run("-n", overrides={"pretrain": [entry]})
    assert run.code != 0
    assert message in run.text
    assert "Traceback" not in run.text
