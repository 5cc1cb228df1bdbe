"""`snakemake --profile slurm pretrain`, from a fresh clone with no file to copy: the same bytes as on one machine."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from slurm.clone import Clone, built_in
from slurm.jobs import jobs, wait_until
from slurm.mini_slurm import ask
from support.workspace import REPOSITORY, Workspace

pytest.importorskip("torch")

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.usefixtures("slurm")]

_BUILT = ("data", "manifests", ".snakemake")
_RUN = "models/pretrain/demo"


@pytest.fixture(scope="module")
def short() -> dict[str, object]:
    """The demo's run, cut to one epoch of eight steps."""
    (run,) = yaml.safe_load((REPOSITORY / "config/demo.yaml").read_text())["pretrain"]
    return {"pretrain": [run | {"epochs": 1, "warmup_epochs": 0, "checkpoint_every_steps": 2}]}


@pytest.fixture(scope="module")
def trained(clone: Callable[..., Clone], demo: Workspace, short: dict[str, object]) -> dict[str, str]:
    """What that run leaves on this machine, without Slurm."""
    folder = clone(source=demo, places=_BUILT).folder
    run = Workspace(folder, target="pretrain").run(overrides=short)
    assert run.code == 0, run.text
    return _trained_in(folder)


def test_corpus_and_weights_are_those_of_one_machine(
    clone: Callable[..., Clone], demo: Workspace, short: dict[str, object], trained: dict[str, str]
) -> None:
    fresh = clone("pretrain", overrides=short)
    run = fresh.run()
    assert run.code == 0, run.text
    assert built_in(fresh.folder) == built_in(demo.folder) != {}
    assert _trained_in(fresh.folder) == trained
    assert {job.state for job in jobs(fresh.folder)} == {"COMPLETED"}
    assert {job.rule for job in jobs(fresh.folder)} == {"write_shard", "pretrain_network"}


def test_a_cancelled_run_goes_on_from_its_checkpoint_to_the_same_weights(
    clone: Callable[..., Clone], demo: Workspace, short: dict[str, object], trained: dict[str, str]
) -> None:
    broken = clone("pretrain", overrides=short, source=demo, places=_BUILT)
    with broken.started() as process:
        wait_until(lambda: any((broken.folder / _RUN).rglob("last.ckpt")), "the run writes a checkpoint")
        ask("scancel", jobs(broken.folder)[0].id)
        assert process.wait(400) == 0, broken.text
    first, second = jobs(broken.folder)
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    assert "begins at step 0" not in (broken.folder / "logs/pretrain_network/demo.log").read_text()
    assert _trained_in(broken.folder) == trained


def _trained_in(folder: Path) -> dict[str, str]:
    names = ("model.safetensors", "volumes.parquet")
    return {name: hashlib.sha256((folder / _RUN / name).read_bytes()).hexdigest() for name in names}
