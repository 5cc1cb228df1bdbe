"""The config's ``finetune`` key as plain frozen data.

This module needs no torch: the workflow reads the runs where nothing is trained.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from brains45k.errors import CallError
from brains45k.training.settings import MB_PER_PROCESS, MB_PER_WORKER, typed
from brains45k.training.sizes import ring_slots

# What changes no bit of the weights.
_INDECISIVE = ("name", "workers", "mirror", "overlap", "log_every_steps", "checkpoint_every_steps")
# How a finished fold predicts.
_PREDICTING = ("accelerator", "mirror", "overlap")
# What a patch's side has to be a multiple of, where it is not 16.
_SIZE_MULTIPLES_VOXELS: Mapping[str, int] = MappingProxyType({"unet_tiny": 8, "swin_unetr": 32})
_SIZE_MULTIPLE_VOXELS = 16
# A voxel of four images takes two bytes each, and one for its label.
_BYTES_PER_VOXEL = 9
# The cosine of the learning rate would reach its end behind the run's.
_COSINE_EPOCHS_SHARE, _LAST_LEARNING_RATE = 1.15, 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneSettings:
    """One finetuning run; the defaults are the recipe of AMAES (``train.py`` of asbjrnmunk/amaes at a51df88).

    Sizes are in voxels of 1 mm. All but the first three are the same for all runs of a config, so that pretrained and
    not pretrained networks compare. A fold trains on one device: folds and runs are what runs side by side. What each
    key means and which values it may take stands in ``schemas/config.schema.json``.
    """

    name: str
    network: str
    pretrained: str | None = None
    patch_size_voxels: int = 128
    batch_size: int = 8
    epochs: int = 500
    batches_per_epoch: int = 100
    learning_rate: float = 1e-4
    weight_decay: float = 3e-5
    augmentation: str = "basic"
    foreground_share: float = 0.33
    deep_supervision: bool = False
    precision: str = "bf16-mixed"
    accelerator: str = "gpu"
    workers: int = 4
    threads: int = 1
    checkpointing: bool = False
    channels_last: bool = False
    compile: bool = False
    mirror: bool = False
    overlap: float = 0.5
    log_every_steps: int = 50
    checkpoint_every_steps: int = 500

    @property
    def devices(self) -> int:
        """One: with the next three, what :class:`brains45k.training.settings.RunSettings` asks for."""
        return 1

    @property
    def nodes(self) -> int:
        """Machines of a fold."""
        return 1

    @property
    def processes(self) -> int:
        """Training processes of a fold."""
        return 1

    @property
    def accumulate_batches(self) -> int:
        """Batches of one step of the optimizer."""
        return 1

    @property
    def steps(self) -> int:
        """Steps of the optimizer in the whole run."""
        return self.epochs * self.batches_per_epoch

    @property
    def gpus(self) -> int:
        """Number of GPUs that a fold asks for."""
        return 1 if self.accelerator == "gpu" else 0

    @property
    def gpus_per_node(self) -> int:
        """The same, since a fold has one node."""
        return self.gpus

    @property
    def cpus(self) -> int:
        """Number of processor cores that a fold asks for."""
        return self.threads + self.workers

    @property
    def memory_mb(self) -> int:
        """Host memory in MB that a fold asks for, with room for tasks of four images."""
        batch_bytes = self.batch_size * self.patch_size_voxels**3 * _BYTES_PER_VOXEL
        return MB_PER_PROCESS + self.workers * MB_PER_WORKER + ring_slots(self.workers) * batch_bytes // 1_000_000

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: a cosine that falls after each epoch, without warm-up.

        As the reference's ``CosineAnnealingLR``: it ends at 1e-9 after 1.15 times the epochs, so the last
        of 500 epochs still has about a 24th of the first one's rate.

        Parameters
        ----------
        step : int
            Number of optimizer steps taken before this one.

        Examples
        --------
        >>> f"{FinetuneSettings(name='run', network='unet_b').learning_rate_at(25_000):.2e}"
        '6.02e-05'
        """
        epochs = int(self.epochs * _COSINE_EPOCHS_SHARE)
        share = (step // self.batches_per_epoch) / epochs
        return _LAST_LEARNING_RATE + (self.learning_rate - _LAST_LEARNING_RATE) * (1 + math.cos(math.pi * share)) / 2

    def decisive(self) -> dict[str, Any]:
        """Return the settings that the weights depend on, as plain values."""
        return {key: value for key, value in asdict(self).items() if key not in _INDECISIVE}

    def predicting(self) -> dict[str, Any]:
        """Return the settings that predictions depend on beside the weights, as plain values."""
        return {key: getattr(self, key) for key in _PREDICTING}

    def digest(self, **origin: str | None) -> str:
        """Name what decides the weights of a fold: a checkpoint is gone on with by a run of the same digest alone.

        Parameters
        ----------
        **origin : str, optional
            Digests of what is trained on and from: the fold, its cases, the pretrained weights.
        """
        text = json.dumps({"settings": self.decisive(), "origin": origin}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finetune:
    """What is finetuned: each run, on each task, once per seed.

    Attributes
    ----------
    tasks : tuple of str
        Names of task files.
    train_cases, val_cases : int
        Of a fold.
    seeds : tuple of int
        Fold K has the seed ``seeds[K]``, whatever the run.
    allow_leakage : bool
        Whether a network is finetuned that was pretrained on test cases.
    runs : mapping of str to FinetuneSettings
        By name, in the order of the config.
    """

    tasks: tuple[str, ...] = ()
    train_cases: int = 20
    val_cases: int = 5
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    allow_leakage: bool = False
    runs: Mapping[str, FinetuneSettings]


def read_finetune(config: Mapping[str, Any]) -> Finetune:
    """Return what a config that was validated asks to finetune; without the key, nothing.

    Raises
    ------
    CallError
        If two runs bear one name or train one network from scratch, or the settings of one contradict each other.
    """
    entry = dict(config.get("finetune", {}))
    recipe, entries = entry.pop("recipe", {}), entry.pop("runs", [])
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    runs = _read_runs(recipe, entries)
    _require_one_scratch(runs.values())
    return Finetune(**values, runs=runs)


def _require_one_scratch(runs: Iterable[FinetuneSettings]) -> None:
    """Refuse two runs that the table could not tell apart."""
    scratch: dict[str, str] = {}
    for run in runs:
        if run.pretrained is None and scratch.setdefault(run.network, run.name) != run.name:
            names = f"{scratch[run.network]} and {run.name}"
            msg = f"config: at finetune.runs: {names} both train {run.network} from scratch; keep one of them."
            raise CallError(msg)


def _read_runs(recipe: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, FinetuneSettings]:
    runs: dict[str, FinetuneSettings] = {}
    for number, entry in enumerate(entries):
        run = make_settings({**recipe, **entry})
        if run.name in runs:
            msg = f"config: at finetune.runs.{number}: a second run is called {run.name!r}; give each its own name."
            raise CallError(msg)
        runs[run.name] = run
    return runs


def make_settings(entry: Mapping[str, Any]) -> FinetuneSettings:
    """Fill one validated entry, with the recipe of all, up with the defaults.

    Raises
    ------
    CallError
        If the settings contradict each other.
    """
    run = FinetuneSettings(**typed(FinetuneSettings, entry))
    _require_patch(run)
    if run.accelerator == "cpu" and run.precision != "32-true":
        msg = f"config: run {run.name!r}: on a CPU, {run.precision} is many times slower; set precision: 32-true."
        raise CallError(msg)
    if run.deep_supervision and run.network == "swin_unetr":
        msg = f"config: run {run.name!r}: swin_unetr has no deep supervision; set deep_supervision: false."
        raise CallError(msg)
    return run


def _require_patch(run: FinetuneSettings) -> None:
    """Refuse a patch that the network cannot halve down to more than one voxel."""
    multiple = _SIZE_MULTIPLES_VOXELS.get(run.network, _SIZE_MULTIPLE_VOXELS)
    size = run.patch_size_voxels
    if size % multiple or size == multiple:
        msg = (
            f"config: run {run.name!r}: {run.network} takes patches of a multiple of {multiple} voxels, at least "
            f"{2 * multiple}, not {size}; change patch_size_voxels."
        )
        raise CallError(msg)
