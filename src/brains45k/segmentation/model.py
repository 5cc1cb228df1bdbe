"""A finetuned network from its file, with all that is needed to use it on an image."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from brains45k.errors import CallError, DataError
from brains45k.networks.checkpoints import load_weights, read_metadata
from brains45k.networks.create import create
from brains45k.networks.weights import SUFFIX
from brains45k.tasks.task import Task
from brains45k.volume.preprocess import Preprocessing

_NEEDED = ("network", "head", "task", "preprocess", "patch_size_voxels")
_REMEDY = "Name the model.safetensors of a finetuning run."


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A finetuned network, ready to use.

    Attributes
    ----------
    network : torch.nn.Module
        In eval mode: (N, C, X, Y, Z) to the logits of the classes (N, K+1, X, Y, Z).
    task : Task
        What its channels and classes are.
    preprocessing : Preprocessing
        What its images went through in training.
    patch_size_voxels : int
        Side of the patches that it was trained on.
    about : mapping
        All that its file says of it.
    """

    network: nn.Module
    task: Task
    preprocessing: Preprocessing
    patch_size_voxels: int
    about: Mapping[str, Any]


def load_model(path: str | os.PathLike[str], *, device: torch.device | str = "cpu") -> Model:
    """Load a finetuned network.

    Parameters
    ----------
    path : path
        The ``model.safetensors`` of a finetuning run.
    device : torch.device or str
        Where the network goes.

    Raises
    ------
    DataError
        If the file cannot be read, is not a finetuned network's, or does not hold the network that it names.
    """
    file = Path(path)
    about = read_about(file)
    try:
        task = Task.from_document(about["task"]["name"], about["task"]["document"])
        preprocessing = Preprocessing(**about["preprocess"])
        # Without the layers of deep supervision, which only training uses.
        network = create(about["network"], len(task.roles), task.class_count, "segmentation")
    except (CallError, KeyError, TypeError) as error:
        msg = f"{file}: what it says of itself does not hold ({error}). Use the version of brains45k that wrote it."
        raise DataError(msg) from error
    _load_whole(network, file)
    return Model(network.eval().to(device), task, preprocessing, int(about["patch_size_voxels"]), about)


def read_about(path: Path) -> dict[str, Any]:
    """Read what a finetuned network's file says of it.

    Raises
    ------
    DataError
        If the file cannot be read, or is not a finetuned network's.
    """
    if path.is_file() and path.suffix != SUFFIX:
        msg = f"{path}: is no {SUFFIX}, and does not say what it is for. {_REMEDY}"
        raise DataError(msg)
    about = read_metadata(path)
    if about.get("head") == "reconstruction":
        msg = f"{path}: is a pretraining checkpoint, which segments nothing. Finetune it first, then name its result."
        raise DataError(msg)
    missing = [key for key in _NEEDED if key not in about]
    if missing:
        msg = f"{path}: does not say its {', '.join(missing)}. {_REMEDY}"
        raise DataError(msg)
    return about


def _load_whole(network: nn.Module, path: Path) -> None:
    report = load_weights(network, path, max_unmatched_share=0.0)
    if report.missing:
        msg = f"{path}: lacks {len(report.missing)} tensors of its network, first {report.missing[0]}. {_REMEDY}"
        raise DataError(msg)
