"""The entries of the config's ``pretrain`` list as plain frozen data, and what all runs say of themselves.

This module needs no torch: the workflow reads the runs where nothing is trained.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from brains45k.errors import CallError
from brains45k.training.sizes import ring_slots, warped_source_voxels

#: Host memory that a training process and each of its reading processes is given.
MB_PER_PROCESS = 8_000
MB_PER_WORKER = 1_000
# What changes no bit of the weights.
_INDECISIVE = ("name", "workers", "log_every_steps", "checkpoint_every_steps")


class RunSettings(Protocol):
    """What starting and driving a run takes, be it of pretraining or of finetuning; see :class:`PretrainSettings`."""

    @property
    def name(self) -> str:
        """Of the run."""

    @property
    def accelerator(self) -> str:
        """``gpu`` or ``cpu``."""

    @property
    def precision(self) -> str:
        """``bf16-mixed`` or ``32-true``."""

    @property
    def devices(self) -> int:
        """Devices of each node."""

    @property
    def nodes(self) -> int:
        """Machines."""

    @property
    def processes(self) -> int:
        """One per device on each node."""

    @property
    def gpus_per_node(self) -> int:
        """GPUs that are asked for on each node."""

    @property
    def epochs(self) -> int:
        """Of the whole run."""

    @property
    def accumulate_batches(self) -> int:
        """Batches of one step of the optimizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainSettings:
    """One pretraining run; the defaults are the recipe of AMAES (asbjrnmunk/amaes at a51df88, "fullaug").

    Sizes are in voxels of 1 mm. ``batch_size`` counts patches per process and forward pass; a step of the
    optimizer takes ``batch_size * accumulate_batches * devices * nodes`` of them. What each key means and which
    values it may take stands in ``schemas/config.schema.json``.
    """

    name: str
    network: str
    patch_size_voxels: int = 128
    batch_size: int = 8
    accumulate_batches: int = 1
    epochs: int = 100
    warmup_epochs: int = 5
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    token_voxels: int = 4
    mask_ratio: float = 0.6
    loss_over: str = "all"
    augmentation: str = "all"
    interpolation: str = "linear"
    precision: str = "bf16-mixed"
    accelerator: str = "gpu"
    devices: int = 1
    nodes: int = 1
    workers: int = 8
    threads: int = 1
    seed: int = 45
    checkpointing: bool = False
    channels_last: bool = False
    compile: bool = False
    log_every_steps: int = 50
    checkpoint_every_steps: int = 500

    @property
    def processes(self) -> int:
        """Number of processes of the run: one per device on each node."""
        return self.devices * self.nodes

    @property
    def patches_per_step(self) -> int:
        """Number of patches that one step of the optimizer takes, over all processes."""
        return self.batch_size * self.accumulate_batches * self.processes

    @property
    def gpus_per_node(self) -> int:
        """Number of GPUs that a job asks for on each node."""
        return self.devices if self.accelerator == "gpu" else 0

    @property
    def cpus_per_node(self) -> int:
        """Number of processor cores that a job asks for on each node."""
        return self.devices * (self.threads + self.workers)

    @property
    def validation_workers(self) -> int:
        """Number of further processes per device that read for validations: few, since these are short."""
        return min(self.workers, 2)

    @property
    def memory_mb_per_node(self) -> int:
        """Host memory in MB that a job asks for on each node."""
        voxels = warped_source_voxels(self.patch_size_voxels) ** 3
        # Batches lie in memory that all share; a voxel takes two bytes.
        shared_mb = ring_slots(self.workers) * self.batch_size * voxels * 2 // 1_000_000
        workers = self.workers + self.validation_workers
        return self.devices * (MB_PER_PROCESS + workers * MB_PER_WORKER + shared_mb)

    def decisive(self) -> dict[str, Any]:
        """Return the settings that the weights depend on, as plain values."""
        return {key: value for key, value in asdict(self).items() if key not in _INDECISIVE}

    def digest(self, *, corpus: str) -> str:
        """Name what decides the weights: a checkpoint is gone on with by a run of the same digest alone.

        Parameters
        ----------
        corpus : str
            Digest of the volumes that are trained on.
        """
        text = json.dumps({"settings": self.decisive(), "corpus": corpus}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_runs(config: Mapping[str, Any]) -> dict[str, PretrainSettings]:
    """Return the runs of a config that was validated, by name.

    Raises
    ------
    CallError
        If two runs bear one name, or the settings of one contradict each other.
    """
    entries: Sequence[Mapping[str, Any]] = config.get("pretrain", [])
    runs: dict[str, PretrainSettings] = {}
    for number, entry in enumerate(entries):
        run = make_settings(entry)
        if run.name in runs:
            msg = f"config: at pretrain.{number}: a second run is called {run.name!r}; give each its own name."
            raise CallError(msg)
        runs[run.name] = run
    return runs


def make_settings(entry: Mapping[str, Any]) -> PretrainSettings:
    """Fill one validated entry up with the defaults.

    Raises
    ------
    CallError
        If the settings contradict each other.
    """
    run = PretrainSettings(**typed(PretrainSettings, entry))
    if run.patch_size_voxels % run.token_voxels:
        sides = f"tokens of {run.token_voxels} voxels do not fill a patch of {run.patch_size_voxels}"
        msg = f"config: run {run.name!r}: {sides}; choose a divisor."
        raise CallError(msg)
    if run.warmup_epochs >= run.epochs:
        msg = (
            f"config: run {run.name!r}: warm-up takes {run.warmup_epochs} of {run.epochs} epochs; leave some to train."
        )
        raise CallError(msg)
    if run.accelerator == "cpu" and run.precision != "32-true":
        msg = f"config: run {run.name!r}: on a CPU, {run.precision} is many times slower; set precision: 32-true."
        raise CallError(msg)
    return run


def typed(settings: type[Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with the types of a dataclass: 1 and 1.0 are one rate, and YAML gives either."""
    rates = {field.name for field in fields(settings) if field.type is float}
    return {key: float(value) if key in rates else value for key, value in entry.items()}
