"""Whole runs of toy size, in processes of their own."""

import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from support.small_corpus import SmallCorpus  # noqa: E402
from support.training_run import curves, make_job, start, weights  # noqa: E402

from brains45k import networks  # noqa: E402
from brains45k.corpus.store import data_file  # noqa: E402
from brains45k.training.launch import Job  # noqa: E402
from brains45k.training.seen import read_seen  # noqa: E402

_KILL_AT = """
import os, signal
from brains45k.training.module import AmaesModule
step = AmaesModule.training_step
def killed(self, sample, batch_idx):
    if self.global_step == {step}:
        os.kill(os.getpid(), signal.{signal})
    return step(self, sample, batch_idx)
AmaesModule.training_step = killed
"""
# As Slurm does it: every process of the job, the reading ones too, and the training one twice.
_KILL_ALL_AT = """
import os, signal, subprocess, time
from brains45k.training.module import AmaesModule
step = AmaesModule.training_step
def killed(self, sample, batch_idx):
    if self.global_step == {step}:
        own = str(os.getpid())
        subprocess.run("kill -TERM $(pgrep -P " + own + " | grep -v $$)", shell=True)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.3)
    return step(self, sample, batch_idx)
AmaesModule.training_step = killed
"""
_NOT_A_NUMBER_AT = """
from brains45k.training.module import AmaesModule
prepare = AmaesModule.prepare
def spoilt(self, batch, *, preset):
    sample = prepare(self, batch, preset=preset)
    return sample._replace(image=sample.image * float("nan")) if self.global_step == {step} else sample
AmaesModule.prepare = spoilt
"""


@pytest.fixture(scope="module")
def whole(corpus: SmallCorpus, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run that nothing disturbed."""
    job = make_job(corpus, tmp_path_factory.mktemp("whole"))
    done = start(job)
    assert done.returncode == 0, done.stderr
    return job


def _checkpoint(job: Job) -> Path:
    (path,) = Path(job.folder).glob("checkpoints/*/last.ckpt")
    return path


def test_a_run_leaves_what_it_promises(whole: Job, corpus: SmallCorpus) -> None:
    folder = Path(whole.folder)
    card = json.loads((folder / "card.json").read_text())
    assert card["last_step"] == int(curves(whole)[-1][0])
    assert card["corpus"]["build_id"] == read_seen(corpus.manifest).build_id
    assert {entry["name"] for entry in card["terms"]} == {"tiny", "frames"}
    assert pq.read_table(folder / "volumes.parquet").equals(read_seen(corpus.manifest).table)
    assert "<html" in (folder / "card.html").read_text()
    assert list(folder.glob("tensorboard/events.*"))
    assert len(list(folder.glob("pictures/*.png"))) == whole.settings.epochs


def test_exported_weights_are_the_checkpoints(whole: Job) -> None:
    network = networks.create("unet_tiny", 1, 1, "reconstruction")
    report = networks.load_weights(network, Path(whole.folder) / "model.safetensors")
    state = torch.load(_checkpoint(whole), weights_only=True)["state_dict"]
    assert set(state) == {f"model.{name}" for name in network.state_dict()}
    assert all(torch.equal(state[f"model.{name}"], value) for name, value in network.state_dict().items())
    assert report.encoder_loaded == report.encoder_total
    again = networks.load_weights(networks.create("unet_tiny", 1, 1, "reconstruction"), _checkpoint(whole))
    assert again.encoder_loaded == again.encoder_total


def test_a_checkpoint_knows_where_it_comes_from(whole: Job, corpus: SmallCorpus) -> None:
    about = torch.load(_checkpoint(whole), weights_only=True)["brains45k"]
    seen = read_seen(corpus.manifest)
    assert about["build_id"] == seen.build_id
    assert about["subjects"] == seen.subjects()
    assert about["volumes"]["voxel_sha256"] == seen.table["voxel_sha256"].to_pylist()
    assert about["settings"]["network"] == "unet_tiny"


# Before the first checkpoint, behind a validation, behind a checkpoint in the middle of an epoch.
@pytest.mark.parametrize("step", [1, 5, 8])
def test_a_killed_run_ends_as_if_it_had_not_been(corpus: SmallCorpus, tmp_path: Path, whole: Job, step: int) -> None:
    job = make_job(corpus, tmp_path)
    killed = start(job, code=_KILL_AT.format(step=step, signal="SIGKILL"))
    assert killed.returncode == -signal.SIGKILL
    done = start(job)
    assert done.returncode == 0, done.stderr
    assert curves(job) == curves(whole)
    assert weights(job) == weights(whole)


# In the middle of an epoch, and where a validation follows.
@pytest.mark.parametrize(("step", "signal_name"), [(2, "SIGTERM"), (4, "SIGINT")])
def test_a_run_that_is_told_to_end_loses_no_step(
    corpus: SmallCorpus, tmp_path: Path, whole: Job, step: int, signal_name: str
) -> None:
    job = make_job(corpus, tmp_path, checkpoint_every_steps=1000)
    ended = start(job, code=_KILL_AT.format(step=step, signal=signal_name))
    assert ended.returncode == 1
    assert f"told to end at step {step + 1}" in ended.stderr
    done = start(job)
    assert f"begins at step {step + 1}" in Path(job.log).read_text()
    assert done.returncode == 0, done.stderr
    assert curves(job) == curves(whole)
    assert weights(job) == weights(whole)


def test_workers_that_are_told_to_end_as_well_go_on_reading(corpus: SmallCorpus, tmp_path: Path, whole: Job) -> None:
    job = make_job(corpus, tmp_path, checkpoint_every_steps=1000, workers=1)
    ended = start(job, code=_KILL_ALL_AT.format(step=2))
    assert "told to end at step 3" in ended.stderr
    assert start(job).returncode == 0
    assert weights(job) == weights(whole)


def test_accumulated_batches_go_on_as_well(corpus: SmallCorpus, tmp_path: Path) -> None:
    changes = {"accumulate_batches": 2, "checkpoint_every_steps": 1}
    one, other = (make_job(corpus, tmp_path / name, **changes) for name in ("one", "other"))
    assert start(one).returncode == 0
    assert start(other, code=_KILL_AT.format(step=3, signal="SIGKILL")).returncode == -signal.SIGKILL
    assert start(other).returncode == 0
    assert curves(one) == curves(other)
    assert weights(one) == weights(other)


def test_other_settings_begin_anew_and_keep_the_old_checkpoint(corpus: SmallCorpus, tmp_path: Path) -> None:
    first = make_job(corpus, tmp_path, epochs=2)
    assert start(first).returncode == 0
    old = _checkpoint(first)
    second = make_job(corpus, tmp_path, epochs=2, learning_rate=0.001)
    assert start(second).returncode == 0
    assert old.is_file()
    assert len(list(tmp_path.glob("checkpoints/*/last.ckpt"))) == 2
    assert Path(second.log).read_text().count("begins at step 0") == 2


def test_workers_change_nothing(corpus: SmallCorpus, tmp_path: Path, whole: Job) -> None:
    job = make_job(corpus, tmp_path, workers=2)
    done = start(job)
    assert done.returncode == 0, done.stderr
    assert curves(job) == curves(whole)
    assert weights(job) == weights(whole)


def test_two_processes_see_what_one_sees(corpus: SmallCorpus, tmp_path: Path) -> None:
    alone, shared = (
        make_job(corpus, tmp_path / name, epochs=2, **changes)
        for name, changes in (("alone", {"batch_size": 2}), ("shared", {"batch_size": 1, "devices": 2}))
    )
    for job in (alone, shared):
        done = start(job)
        assert done.returncode == 0, done.stderr
    rows = [[[float(value or 0) for value in row] for row in curves(job)] for job in (alone, shared)]
    assert rows[1] == [pytest.approx(row, rel=2e-3) for row in rows[0]]


def test_a_loss_that_is_no_number_names_its_volumes(corpus: SmallCorpus, tmp_path: Path) -> None:
    job = make_job(corpus, tmp_path)
    ended = start(job, code=_NOT_A_NUMBER_AT.format(step=3))
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("brains45k: ")]
    assert "not finite at step 3; the loss is nan on" in line
    assert any(name in line for name in read_seen(corpus.manifest).table["volume_id"].to_pylist())
    assert line.removeprefix("brains45k: ") in Path(job.log).read_text()
    assert torch.load(_checkpoint(job), weights_only=True)["global_step"] == 2
    assert not (tmp_path / "model.safetensors").exists()


def test_gpus_that_are_not_there_end_a_run_at_once(corpus: SmallCorpus, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    ended = start(make_job(corpus, tmp_path, accelerator="gpu"))
    assert ended.returncode == 1
    assert "asks for 1 GPUs on each node, and torch finds 0" in ended.stderr


def test_a_damaged_checkpoint_is_named(corpus: SmallCorpus, tmp_path: Path) -> None:
    job = make_job(corpus, tmp_path, epochs=2)
    assert start(job).returncode == 0
    path = _checkpoint(job)
    path.write_bytes(path.read_bytes()[:1000])
    ended = start(job)
    assert ended.returncode == 1
    assert f"{path}: not a readable checkpoint" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_damaged_shard_is_named(copied: SmallCorpus, tmp_path: Path) -> None:
    row = next(row for row in copied.rows().values() if row["split"] == "train")
    data = data_file(copied.shard(row), row["array"])
    content = bytearray(data.read_bytes())
    content[100:140] = b"\0" * 40
    data.write_bytes(content)
    ended = start(make_job(copied, tmp_path / "run", workers=1))
    assert ended.returncode == 1
    assert f"{row['shard']}/{row['array']}: damaged" in ended.stderr
    assert "Traceback" not in ended.stderr
