"""The processes of a pretraining run on a cluster: one per GPU, each once. What they would train is left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slurm.clone import Clone
from slurm.jobs import jobs
from support.workspace import Workspace

pytest.importorskip("torch")

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.usefixtures("slurm")]

_RUNS = {
    "one-gpu": {"devices": 1, "nodes": 1},
    "two-gpus": {"devices": 2, "nodes": 1},
    "two-nodes": {"devices": 2, "nodes": 2},
}
_COMMON = {"network": "unet_tiny", "patch_size_voxels": 32, "workers": 0}
_PARTITION = "pretrain_network:slurm_partition='main' if wildcards.run == 'one-gpu' else 'pair'"

# Takes the place of the module that trains: each process notes once what it was given.
_NOTE = """
import json, os, pathlib, sys
keys = "RANK LOCAL_RANK WORLD_SIZE SLURMD_NODENAME CUDA_VISIBLE_DEVICES SLURM_JOB_ID".split()
with (pathlib.Path(sys.argv[1]).parent / "processes.jsonl").open("a") as notes:
    notes.write(json.dumps({key: os.environ.get(key) for key in keys}) + "\\n")
"""
_NOTE_INSTEAD = """
import pathlib
import brains45k.training.launch as launch
launch._MODULE = "note"
for path in snakemake.output:
    pathlib.Path(path).touch()
"""


@pytest.fixture(scope="module")
def ran(clone: Callable[..., Clone], demo: Workspace) -> Clone:
    """Three runs, on one GPU, on two, and on two nodes of two each."""
    entries: list[dict[str, Any]] = [{"name": name, **_COMMON, **place} for name, place in _RUNS.items()]
    built = ("data", "manifests", ".snakemake")
    ran = clone("pretrain", overrides={"pretrain": entries}, source=demo, places=built)
    ran.before("pretrain_network", _NOTE_INSTEAD)
    (ran.folder / "src/note.py").write_text(_NOTE)
    done = ran.run("--set-resources", _PARTITION)
    assert done.code == 0, done.text
    return ran


@pytest.mark.parametrize("name", _RUNS)
def test_each_gpu_has_one_process_and_each_process_is_started_once(ran: Clone, name: str) -> None:
    notes = _notes(ran.folder / f"models/pretrain/{name}/processes.jsonl")
    devices, nodes = _RUNS[name]["devices"], _RUNS[name]["nodes"]
    assert len(notes) == devices * nodes
    assert {note["CUDA_VISIBLE_DEVICES"] for note in notes} == {",".join(map(str, range(devices)))}
    assert len({note["SLURMD_NODENAME"] for note in notes}) == nodes
    if len(notes) > 1:
        assert sorted(int(note["RANK"]) for note in notes) == list(range(devices * nodes))
        assert sorted(int(note["LOCAL_RANK"]) for note in notes) == sorted([*range(devices)] * nodes)


@pytest.mark.parametrize("name", _RUNS)
def test_a_job_asks_slurm_for_what_its_run_needs_on_each_node(ran: Clone, name: str) -> None:
    (job,) = jobs(ran.folder, name)
    devices, nodes = _RUNS[name]["devices"], _RUNS[name]["nodes"]
    assert (job.gpus, job.nodes, job.cores) == (f"gres:gpu:{devices}", str(nodes), str(devices * nodes))


def _notes(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
