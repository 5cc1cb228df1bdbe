"""Load weights into a network, the encoder tensor by tensor, the head as a whole or not at all; and save them."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from brains45k.errors import CallError, DataError
from brains45k.networks.weights import SUFFIX, read_weights, unreadable
from brains45k.whole import write_whole

#: The share of the encoder's tensors that may stay unmatched: enough for a first layer of other channels.
MAX_UNMATCHED_SHARE = 0.05

# What Lightning modules (AMAES's and ours), torch.compile and DDP put before a network's own names.
_PREFIX = re.compile(r"((model|network|module|_orig_mod)\.)*")
# FOMO25's heads are called ``decoder`` whatever they are for; MONAI's Swin UNETR numbers its own.
_HEAD = re.compile(r"(rec_head|pred_head|decoder\d*|out)\.")
_UNNAMED_HEAD = re.compile(r"^decoder\.")
# All metadata under one key: safetensors would write several in another order each time.
_METADATA_KEY = "brains45k"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What of a file went into a network, in numbers of tensors.

    Attributes
    ----------
    path : Path
        The file.
    encoder_loaded, encoder_total : int
        Tensors of the network's encoder that were loaded, and all of them.
    head_loaded, head_total : int
        The same of its head.
    missing : tuple of str
        Names of the network's that stay as they were.
    unused : tuple of str
        Names of the file's, without prefix, that went nowhere.
    """

    path: Path
    encoder_loaded: int
    encoder_total: int
    head_loaded: int
    head_total: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line; what is missing of the encoder is named."""
        missing = [name for name in self.missing if not _HEAD.match(name)]
        return (
            f"{self.path.name}: {self.encoder_loaded} of {self.encoder_total} tensors of the encoder and "
            f"{self.head_loaded} of {self.head_total} of the head loaded"
            + (f", not {', '.join(missing)}" if missing else "")
            + (f"; {len(self.unused)} of the file unused" if self.unused else "")
        )


def load_weights(
    network: nn.Module, path: str | os.PathLike[str], *, max_unmatched_share: float = MAX_UNMATCHED_SHARE
) -> LoadReport:
    """Load a file's weights into a network where names and shapes are equal.

    Prefixes (``model.``, ``network.``, ``_orig_mod.``, ``module.``) are taken off. A head is loaded if the file holds
    all of it, of the same kind: so pretraining weights give a segmentation network their encoder, and its decoder
    stays as it was. With other input channels the first layer stays as it was, as in AMAES. A head that is called
    ``decoder`` (FOMO25) is taken for one of the network's kind if all of it fits. On refusal the network is as before.

    Parameters
    ----------
    network : torch.nn.Module
        From :func:`brains45k.networks.create`; its parameters keep their type, device and layout.
    path : path
        What :func:`brains45k.networks.weights.read_weights` reads.
    max_unmatched_share : float
        Of the names of the encoder's tensors on both sides, those that may have no partner of equal shape.

    Returns
    -------
    LoadReport
        What was loaded and what was not.

    Raises
    ------
    DataError
        If the file cannot be read, more of the encoder has no partner, or a tensor that would be loaded holds whole
        numbers or a value that is not finite.
    """
    file = Path(path)
    parameters = dict(network.named_parameters())
    buffers = {name for name, _ in network.named_buffers()}
    tensors = _without_prefixes(file, read_weights(file))
    found = _name_head({name: tensor for name, tensor in tensors.items() if name not in buffers}, parameters)
    matched = _match(found, parameters)
    _require_encoder(file, found, parameters, matched, max_unmatched_share)
    for name in matched:
        _require_finite(file, name, found[name], parameters[name].dtype)
    with torch.no_grad():
        for name in matched:
            parameters[name].copy_(found[name])
    return _report(file, matched, list(parameters), list(found))


def save_weights(network: nn.Module, path: str | os.PathLike[str], metadata: Mapping[str, Any]) -> None:
    """Write a network's weights as safetensors, whole or not at all, the same bytes for the same weights.

    Parameters
    ----------
    network : torch.nn.Module
        Its parameters keep their names, without any prefix, and their types.
    path : path
        Ends in ``.safetensors``; its folder exists.
    metadata : mapping
        What goes with the weights, of JSON's types.

    Raises
    ------
    CallError
        If the name ends otherwise, or the disk does not take it.
    """
    file = Path(path)
    if file.suffix != SUFFIX:
        msg = f"{file}: the name must end in {SUFFIX}."
        raise CallError(msg)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    # In memory first: its own writer makes files that only their owner can read.
    write_whole(file, save(tensors, {_METADATA_KEY: json.dumps(dict(metadata), sort_keys=True)}))


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what :func:`save_weights` wrote beside the weights; empty for another's safetensors.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            found: dict[str, Any] = json.loads((file.metadata() or {}).get(_METADATA_KEY, "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise unreadable(Path(path), error) from error
    return found


def _without_prefixes(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named = {_PREFIX.sub("", name, count=1): tensor for name, tensor in tensors.items()}
    if len(named) < len(tensors):
        msg = f"{path}: holds two networks under different prefixes. Save the state_dict of one."
        raise DataError(msg)
    return named


def _name_head(found: dict[str, Tensor], parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Call a head of unnamed kind as the network's is called, if all of it fits."""
    kind = next((kind for kind in ("rec_head.", "pred_head.") if any(name.startswith(kind) for name in parameters)), "")
    renamed = {_UNNAMED_HEAD.sub(kind or r"\g<0>", name): tensor for name, tensor in found.items()}
    return renamed if _heads(_equal(renamed, parameters)) == _heads(parameters) else found


def _match(found: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> list[str]:
    """Name what can be loaded: the encoder's tensors of equal shape, and the head's if that is all of them."""
    equal = _equal(found, parameters)
    is_whole_head = _heads(equal) == _heads(parameters)
    return [name for name in equal if is_whole_head or not _HEAD.match(name)]


def _equal(found: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> list[str]:
    return [name for name in parameters if name in found and found[name].shape == parameters[name].shape]


def _heads(names: Iterable[str]) -> list[str]:
    return [name for name in names if _HEAD.match(name)]


def _require_encoder(
    path: Path,
    found: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    matched: Sequence[str],
    max_unmatched_share: float,
) -> None:
    """Refuse a file of another network: too many tensors of the encoder, on either side, have no partner."""
    parts = {name.partition(".")[0] for name in parameters if not _HEAD.match(name)}
    theirs = [name for name in found if name.partition(".")[0] in parts]
    names = dict.fromkeys([name for name in parameters if not _HEAD.match(name)] + theirs)
    unmatched = [name for name in names if name not in set(matched)]
    if len(unmatched) <= max_unmatched_share * len(names):
        return
    first = unmatched[0]
    here, there = (f"{tuple(side[first].shape)}" if first in side else "absent" for side in (parameters, found))
    msg = (
        f"{path}: {len(unmatched)} of {len(names)} tensors of the encoder do not fit, at most "
        f"{max_unmatched_share:.0%} may: {first} is {there} in the file, {here} in the network. "
        "Name the network that the file was made for."
    )
    raise DataError(msg)


def _require_finite(path: Path, name: str, tensor: Tensor, dtype: torch.dtype) -> None:
    if tensor.is_floating_point() and bool(tensor.to(dtype).isfinite().all()):
        return
    cause = "holds values that are not finite" if tensor.is_floating_point() else f"is of type {tensor.dtype}"
    msg = f"{path}: {name} {cause}. Use another checkpoint."
    raise DataError(msg)


def _report(path: Path, matched: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> LoadReport:
    head_loaded, head_total = len(_heads(matched)), len(_heads(ours))
    loaded = set(matched)
    return LoadReport(
        path=path,
        encoder_loaded=len(matched) - head_loaded,
        encoder_total=len(ours) - head_total,
        head_loaded=head_loaded,
        head_total=head_total,
        missing=tuple(name for name in ours if name not in loaded),
        unused=tuple(name for name in theirs if name not in loaded),
    )
