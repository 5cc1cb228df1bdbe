"""Read the tensors of a checkpoint: AMAES's, Lightning's, FOMO25's, or our own."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from brains45k.errors import DataError

SUFFIX = ".safetensors"
_HEAD_BYTES = 512
_NESTED = "state_dict"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name, on the CPU; nothing in the file is executed.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or what ``torch.save`` wrote: names to tensors, or a dictionary that holds such a one as
        ``state_dict`` (Lightning, FOMO25).

    Raises
    ------
    DataError
        If the file cannot be read, or holds no tensors.
    """
    held = _read_safetensors(path) if path.suffix == SUFFIX else _read_torch(path)
    if isinstance(held, Mapping) and isinstance(held.get(_NESTED), Mapping):
        held = held[_NESTED]
    named = held.items() if isinstance(held, Mapping) else ()
    tensors = {str(name): tensor for name, tensor in named if isinstance(tensor, Tensor)}
    if not tensors:
        msg = f"{path}: holds no tensors by name. Name a checkpoint, or the state_dict of one."
        raise DataError(msg)
    return tensors


def _read_safetensors(path: Path) -> object:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error) from error
    # Foreign bytes make the unpickler fail in any way there is.
    except Exception as error:
        raise unreadable(path, None) from error


def unreadable(path: Path, error: Exception | None) -> DataError:
    """Say in one line why a file cannot be read, from what its reader raised; None for a reader that says nothing."""
    if isinstance(error, OSError) and not path.is_file():
        return DataError(f"{path}: there is no such file. Name a checkpoint.")
    with suppress(OSError), path.open("rb") as file:
        if file.read(_HEAD_BYTES).lstrip().startswith(b"<"):
            return DataError(f"{path}: is a web page, not a checkpoint. Download the file itself.")
    if isinstance(error, OSError):
        return DataError(f"{path}: cannot be read ({error.strerror or error}).")
    cause = "is damaged, or no checkpoint, or holds more than tensors and plain values"
    return DataError(f"{path}: {cause}. Download it again, or save its state_dict alone.")
