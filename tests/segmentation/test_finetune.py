"""Whole folds of toy size: what they leave, what interrupts them, and what they refuse."""

import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from support.finetuning import DOCUMENT, Toy, curves, make_toy, start, weights  # noqa: E402

from brains45k import networks  # noqa: E402
from brains45k.errors import CallError, DataError  # noqa: E402
from brains45k.segmentation.finetune import finetune  # noqa: E402
from brains45k.segmentation.job import FinetuneJob, run_finetune  # noqa: E402
from brains45k.segmentation.module import SegmentationModule  # noqa: E402
from brains45k.tasks.folds import Fold  # noqa: E402
from brains45k.training.world import World  # noqa: E402


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def whole(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> FinetuneJob:
    """A fold that nothing disturbed, started as the workflow starts it."""
    job = toy.job(tmp_path_factory.mktemp("whole"))
    run_finetune(job)
    return job


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("pretrained") / "model.safetensors"
    networks.save_weights(networks.create("unet_tiny", 1, 1, "reconstruction"), path, {})
    return path


def killed_at(step: int, number: signal.Signals) -> Callable[[], None]:
    """Return what makes a process get a signal at a step."""
    known = SegmentationModule.training_step

    def killed(self: SegmentationModule, sample: Any, batch_idx: int) -> Any:
        if self.global_step == step:
            os.kill(os.getpid(), number)
        return known(self, sample, batch_idx)

    def break_it() -> None:
        SegmentationModule.training_step = killed  # type: ignore[method-assign]

    return break_it


def seen_of(path: Path, **row: str) -> Path:
    """Write the record of a checkpoint that has seen one volume."""
    known = {"volume_id": "toy_1", "source": "toy", "subject": "stranger", "split": "train", "voxel_sha256": "0"}
    pq.write_table(pa.Table.from_pylist([known | row]), path)
    return path


def card(job: FinetuneJob) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(job.folder) / "card.json").read_text())
    return found


def test_a_fold_leaves_what_it_promises(whole: FinetuneJob) -> None:
    folder = Path(whole.folder)
    metadata = networks.read_metadata(folder / "model.safetensors")
    assert metadata["head"] == "segmentation"
    assert metadata["task"] == {"name": "toy", "document": DOCUMENT}
    assert (metadata["run"], metadata["fold"], metadata["seed"], metadata["pretrained"]) == ("toy", 1, 11, None)
    assert metadata["leakage"] == {"state": "not pretrained", "leaks": []}
    network = networks.create("unet_tiny", 2, 3, "segmentation")
    assert networks.load_weights(network, folder / "model.safetensors").missing == ()
    found = card(whole)
    assert found["last_step"] == whole.settings.steps
    assert found["cost"]["patches_per_s"] > 0
    assert found["network"]["parameters"] == sum(part.numel() for part in network.parameters())
    assert found["validation"]["val_loss"] == pytest.approx(float(curves(whole)[-1][4]))


def test_curves_say_both_parts_at_their_steps(whole: FinetuneJob) -> None:
    rows = curves(whole)
    assert [row[0] for row in rows if row[2]] == ["2", "4", "6", "8", "9"]
    assert [row[0] for row in rows if row[4]] == ["3", "6", "9"]
    rates = {row[0]: float(row[3]) for row in rows if row[3]}
    assert all(rate == pytest.approx(whole.settings.learning_rate_at(int(at) - 1)) for at, rate in rates.items())


# Behind a checkpoint in the middle of an epoch; and behind a validation.
@pytest.mark.parametrize(("step", "workers"), [(5, 1), (7, 0)])
def test_a_killed_fold_ends_as_if_it_had_not_been(
    toy: Toy, tmp_path: Path, whole: FinetuneJob, step: int, workers: int
) -> None:
    job = toy.job(tmp_path, workers=workers)
    assert start(job, before=killed_at(step, signal.SIGKILL)).code == -signal.SIGKILL
    done = start(job)
    assert done.code == 0, done.text
    assert f"begins at step {step - 1}" in Path(job.log).read_text()
    assert curves(job) == curves(whole)
    assert weights(job) == weights(whole)


def test_a_fold_that_is_told_to_end_loses_no_step(toy: Toy, tmp_path: Path, whole: FinetuneJob) -> None:
    job = toy.job(tmp_path, checkpoint_every_steps=1000, workers=2)
    ended = start(job, before=killed_at(4, signal.SIGTERM))
    assert ended.code == 1
    assert "told to end at step 5" in ended.text
    done = start(replace(job, settings=replace(job.settings, workers=0)))
    assert done.code == 0, done.text
    assert "begins at step 5" in Path(job.log).read_text()
    assert curves(job) == curves(whole)
    assert weights(job) == weights(whole)


def test_a_finished_fold_is_not_trained_again(whole: FinetuneJob) -> None:
    before, rows = weights(whole), curves(whole)
    again = start(whole, before=killed_at(whole.settings.steps, signal.SIGKILL))
    assert again.code == 0, again.text
    assert f"begins at step {whole.settings.steps}" in Path(whole.log).read_text()
    assert weights(whole) == before
    assert curves(whole) == rows


def test_levels_pretrained_weights_and_no_validation_go_together(toy: Toy, tmp_path: Path, pretrained: Path) -> None:
    fold = replace(Fold.read(toy.fold), val=())
    fold.write(tmp_path / "fold.json")
    known = toy.job(
        tmp_path / "run",
        pretrained=pretrained,
        seen=seen_of(tmp_path / "volumes.parquet", subject="sub-e"),
        allow_leakage=True,
        deep_supervision=True,
        epochs=1,
        checkpoint_every_steps=1000,
    )
    job = replace(known, fold=str(tmp_path / "fold.json"))
    done = start(job)
    assert done.code == 0, done.text
    metadata = networks.read_metadata(Path(job.folder) / "model.safetensors")
    assert (metadata["deep_supervision"], metadata["pretrained"]) == (True, "base")
    assert metadata["leakage"]["state"] == "allowed"
    assert [leak["case"] for leak in metadata["leakage"]["leaks"]] == ["e"]
    assert "tensors of the encoder" in metadata["load_report"]
    assert metadata["load_report"] in Path(job.log).read_text()
    assert card(job)["pretrained"]["load_report"] == metadata["load_report"]
    assert card(job)["validation"] is None
    # The end is kept where no validation keeps it.
    (checkpoint,) = Path(job.folder).glob("checkpoints/*/last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"subject": "sub-e"}, "has seen 1 of the 2 test cases of task toy, by subject: e"),
        ({"voxel_sha256": "t1-5"}, "by image, under another name: f "),
        (None, "says nothing of the volumes"),
    ],
)
def test_leaks_are_refused_before_anything_is_read(
    toy: Toy, tmp_path: Path, row: dict[str, str] | None, said: str
) -> None:
    seen = None if row is None else seen_of(tmp_path / "volumes.parquet", **row)
    job = toy.job(tmp_path / "run", pretrained=tmp_path / "not-read.safetensors", seen=seen)
    with pytest.raises(CallError, match=said):
        finetune(replace(job, cases="nowhere"), World(0, 1), io.StringIO())
    assert list((tmp_path / "run").iterdir()) == []


def test_a_subject_that_is_trained_on_is_no_leak(toy: Toy, tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "volumes.parquet", subject="sub-a", voxel_sha256="t1-0")
    job = toy.job(tmp_path / "run", pretrained=tmp_path / "nowhere.safetensors", seen=seen)
    with pytest.raises(DataError, match=r"nowhere\.safetensors: cannot be read"):
        finetune(job, World(0, 1), io.StringIO())
