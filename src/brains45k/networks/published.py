"""The released AMAES weights: where they are, and which network a file of weights fits.

What is known of them was read in the README of asbjrnmunk/amaes on GitHub (at 293da81), which links four files of
record 13604788 of Zenodo; in the paper's abstract, which points to that repository; and on amaes.asbn.dk, which offers
"code and checkpoints". None states a size, a hash or a licence of the files.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from brains45k.errors import DataError
from brains45k.networks.checkpoints import LoadReport, load_weights, read_metadata
from brains45k.networks.create import HEADS, NAMES, create
from brains45k.networks.weights import SUFFIX, read_weights

_RECORD = "https://zenodo.org/records/13604788"
_CHANNELS = range(1, 5)
_BYTES_PER_PARAMETER = 4
# What the last layer of each head is called, whose first dimension is the number of its channels.
_LAST_LAYERS = ("out_conv.weight", "out.conv.conv.weight")
_HEAD_NAMES = ("rec_head.", "pred_head.")
# What a file of ours says that a person wants to know; the rest is for programs.
_TOLD = ("run", "task", "fold", "seed", "pretrained", "leakage", "build_id", "corpus_digest", "licence_note")
# Beside a pretraining result of ours.
_VOLUMES = "volumes.parquet"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Released:
    """A file that the authors of AMAES released: pretraining weights of one input channel.

    Attributes
    ----------
    file : str
        Its name.
    network : str
        Which of ours it is for.
    """

    file: str
    network: str

    @property
    def url(self) -> str:
        """Where the authors' README links to."""
        return f"{_RECORD}/files/{self.file}?download=1"


RELEASED = (
    Released("unet_xl_lw_dec_fullaug.pth", "unet_xl"),
    Released("unet_b_lw_dec_fullaug.pth", "unet_b"),
    Released("mednext_l3_lw_dec_fullaug.pth", "mednext_l"),
    Released("mednext_m3_lw_dec_fullaug.pth", "mednext_m"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that a file may be of."""

    name: str
    head: str
    in_channels: int
    out_channels: int

    def __str__(self) -> str:
        """Say it in a few words."""
        channels = f"{_count(self.in_channels, 'input channel')}, {_count(self.out_channels, 'output channel')}"
        # Swin UNETR is one network for both.
        head = "either head" if self.name == "swin_unetr" else f"head {self.head}"
        return f"{self.name}, {head}, {channels}"

    def weightless(self) -> nn.Module:
        """Make it with names and shapes, and without memory."""
        with torch.device("meta"), _RealSteps():
            return create(self.name, self.in_channels, self.out_channels, self.head)


class _RealSteps(TorchFunctionMode):
    """Swin UNETR asks its own rates for their values, which the meta device has not got."""

    @override
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        where = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **(kwargs or {}) | where)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file of weights is.

    Attributes
    ----------
    path : Path
        The file.
    size_bytes : int
        Of the file.
    sha256, md5 : str
        Of the file.
    fit : Candidate
        The network that has most of its tensors.
    report : LoadReport
        What of it that network takes.
    about : mapping
        What a file of ours says of itself; empty for another's.
    """

    path: Path
    size_bytes: int
    sha256: str
    md5: str
    fit: Candidate
    report: LoadReport
    about: Mapping[str, Any]


def explain_released() -> list[str]:
    """Say in lines where the released weights are and what is known of them."""
    files = [
        line
        for released in RELEASED
        for line in (
            f"  {released.network}: {_parameters(released):,} parameters, {_tensor_bytes(released):,} bytes in float32",
            f"    {released.url}",
        )
    ]
    return [
        "The authors of AMAES released four pretraining checkpoints, trained on BRAINS-45K for 100 epochs. The README",
        "of https://github.com/asbjrnmunk/amaes links them; the paper's page is https://amaes.asbn.dk.",
        *files,
        "These numbers are counted on our networks, whose tensors are the same; a file is a little larger. The README",
        "states no size, hash or licence: see Zenodo's record, and compare the MD5 there with what this prints:",
        "  brains45k weights FILE",
        "Which volumes these weights saw is not published, so finetuning from them asks for allow_leakage: true.",
    ]


def inspect_weights(path: Path) -> Inspection:
    """Read a file of weights, execute nothing of it, and find the network that it fits.

    Names are compared without prefixes, and shapes, with all networks of :func:`brains45k.networks.create`, both
    heads and one to four input channels. The verdict is :func:`brains45k.networks.load_weights`'s own.

    Parameters
    ----------
    path : Path
        What :func:`brains45k.networks.weights.read_weights` reads.

    Returns
    -------
    Inspection
        Of a file that fits.

    Raises
    ------
    DataError
        If the file is no checkpoint, is cut short, or fits no network; the nearest is named, with the first mismatch.
    """
    _require_length(path)
    tensors = read_weights(path)
    fit = _nearest(path, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    del tensors
    try:
        report = load_weights(fit.weightless(), path)
    except DataError as error:
        msg = f"{error} The nearest network is {fit}."
        raise DataError(msg) from error
    sha256, md5 = _digests(path)
    about = read_metadata(path) if path.suffix == SUFFIX else {}
    return Inspection(path, path.stat().st_size, sha256, md5, fit, report, about)


def describe(found: Inspection) -> list[str]:
    """Say in lines what a file is and how to use it."""
    rows = [
        ("size", f"{found.size_bytes:,} bytes"),
        ("sha256", found.sha256),
        ("md5", found.md5),
        ("network", str(found.fit)),
        ("tensors", str(found.report).partition(": ")[2]),
        *_released_rows(found),
        *((key, _short(found.about[key])) for key in _TOLD if key in found.about),
        *_next_rows(found),
    ]
    return [str(found.path), *(f"  {key:<13} {text}" for key, text in rows)]


def _require_length(path: Path) -> None:
    """Refuse a released file whose download broke off: its reader would only call it damaged."""
    released = _released(path)
    if released is None or not path.is_file():
        return
    size_bytes, least_bytes = path.stat().st_size, _tensor_bytes(released)
    with path.open("rb") as file:
        is_page = file.read(_CHUNK_BYTES).lstrip().startswith(b"<")
    if size_bytes < least_bytes and not is_page:
        msg = f"{path}: holds {size_bytes:,} bytes, its tensors alone take {least_bytes:,}. Download it again."
        raise DataError(msg)


def _nearest(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Candidate:
    """Return the network that shares most tensors with a file, by name and shape; of equal ones the smaller."""
    theirs = {(tail, shape) for name, shape in shapes.items() for tail in _tails(name)}
    names = {tail for tail, _ in theirs}
    out_channels = next((shape[0] for name, shape in shapes.items() if name.endswith(_LAST_LAYERS) and shape), 1)

    def score(candidate: Candidate) -> tuple[int, int, int]:
        ours = _shapes(candidate)
        return len(ours & theirs), len({name for name, _ in ours} & names), -len(ours)

    kinds = [Candidate(name, head, 1, max(out_channels, 1)) for name in NAMES for head in HEADS]
    kind = max(kinds, key=score)
    # The number of input channels changes the first layer alone, and no network is taken for another by that.
    best = max((replace(kind, in_channels=channels) for channels in _CHANNELS), key=score)
    if score(best)[1]:
        return best
    some = ", ".join(list(shapes)[:3])
    msg = f"{path}: shares no name with any network ({', '.join(NAMES)}); it begins with {some}. Name another file."
    raise DataError(msg)


@cache
def _shapes(candidate: Candidate) -> frozenset[tuple[str, tuple[int, ...]]]:
    """Return names and shapes; without the head's own name, which is another in FOMO25."""
    named = candidate.weightless().named_parameters()
    return frozenset((_without_head(name), tuple(parameter.shape)) for name, parameter in named)


def _without_head(name: str) -> str:
    return name.partition(".")[2] if name.startswith(_HEAD_NAMES) else name


def _tails(name: str) -> list[str]:
    """Return a name without none, one, two, ... of its leading parts: one of them is the name without prefix."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _released(path: Path) -> Released | None:
    return next((released for released in RELEASED if released.file == path.name), None)


@cache
def _parameters(released: Released) -> int:
    network = Candidate(released.network, "reconstruction", 1, 1).weightless()
    return sum(parameter.numel() for parameter in network.parameters())


def _tensor_bytes(released: Released) -> int:
    return _parameters(released) * _BYTES_PER_PARAMETER


def _digests(path: Path) -> tuple[str, str]:
    """Return a file's SHA-256, and its MD5, which is what Zenodo states."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def _released_rows(found: Inspection) -> list[tuple[str, str]]:
    """Compare a file with the released one of its name."""
    released = _released(found.path)
    if released is None:
        return []
    expected = Candidate(released.network, "reconstruction", 1, 1)
    if found.fit != expected or found.report.missing or found.report.unused:
        return [("released", f"NOT the released file of this name, which is {expected}")]
    return [("released", "has each tensor of the released file of this name; no hash is known to compare with")]


def _next_rows(found: Inspection) -> list[tuple[str, str]]:
    """Say how a file is used."""
    if "task" in found.about:
        return [("next", f"brains45k segment IMAGE... --checkpoint {found.path} --out OUT.nii.gz")]
    line = f"- {{name: {found.fit.name}_pretrained, network: {found.fit.name}, pretrained: {found.path}}}"
    rows = [("next", f"{line}   # in the config, under finetune: runs:")]
    images = _count(found.fit.in_channels, "image")
    rows.append(("", f"A task of {images} takes all of the encoder; with others its first layer starts as drawn."))
    if not found.path.with_name(_VOLUMES).is_file():
        rows.append(("", f"No {_VOLUMES} beside it says what it saw: finetuning asks for allow_leakage: true."))
    return rows


def _short(value: object) -> str:
    """Say a value of ours in a few words: of a mapping its name, or its state."""
    if isinstance(value, Mapping):
        return str(value.get("name", value.get("state", value)))
    return "no" if value is None else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
