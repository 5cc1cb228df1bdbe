"""The processes of a run, checked against what was asked for before anything is read."""

import os
from dataclasses import dataclass

import torch

from brains45k.errors import DataError
from brains45k.training.settings import RunSettings


@dataclass(frozen=True, slots=True)
class World:
    """The place of one process among those of its run."""

    rank: int
    size: int

    @property
    def is_first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0


def join_world(settings: RunSettings) -> World:
    """Return this process's place, once the devices and processes that were asked for are there.

    Raises
    ------
    DataError
        If there are fewer or more of either.
    """
    world = World(rank=int(os.environ.get("RANK", "0")), size=int(os.environ.get("WORLD_SIZE", "1")))
    if world.size != settings.processes:
        asked = f"{settings.nodes} x {settings.devices} (nodes x devices)"
        msg = f"run {settings.name}: {world.size} processes were started, not {asked}. Start it by its rule."
        raise DataError(msg)
    require_gpus(settings, found=torch.cuda.device_count())
    return world


def require_gpus(settings: RunSettings, *, found: int) -> None:
    """Raise unless this node has the GPUs that a run asks for on each.

    Raises
    ------
    DataError
        If it has fewer.
    """
    if found >= settings.gpus_per_node:
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
    built = torch.version.cuda or "none"
    msg = (
        f"run {settings.name}: asks for {settings.gpus_per_node} GPUs on each node, and torch finds {found} "
        f"(CUDA_VISIBLE_DEVICES {visible}, CUDA of this torch {built}). Ask for fewer devices, "
        "install a torch with CUDA, or set accelerator: cpu and precision: 32-true."
    )
    raise DataError(msg)
