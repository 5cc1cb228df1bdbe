"""What a fold is made of, and what it leaves: weights for others' use, and a card of how they came about."""

import hashlib
import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from brains45k.corpus.manifest import write_if_changed
from brains45k.errors import DataError
from brains45k.networks.checkpoints import save_weights
from brains45k.segmentation.job import FinetuneJob
from brains45k.segmentation.settings import FinetuneSettings
from brains45k.tasks.folds import Fold
from brains45k.tasks.prepare import IMAGE, LABEL
from brains45k.training.history import History

WEIGHTS, CARD = "model.safetensors", "card.json"
# Grows when a key of card.json changes its meaning or goes.
_CARD_FORMAT = 1
_PACKAGES = ("brains45k", "torch", "lightning", "monai", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a fold's weights come from.

    Attributes
    ----------
    job : FinetuneJob
        What was asked for.
    fold : Fold
        Its cases and its seed.
    cases_sha256 : str
        Digest of the prepared cases that are trained and validated on.
    pretrained_sha256 : str, optional
        Of the checkpoint.
    leakage : mapping
        What the guard found, as plain values.
    """

    job: FinetuneJob
    fold: Fold
    cases_sha256: str
    pretrained_sha256: str | None
    leakage: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Name what decides the weights. The cases that are tested on do not."""
        return self.job.settings.digest(
            seed=str(self.fold.seed),
            train=json.dumps(self.fold.train),
            val=json.dumps(self.fold.val),
            classes=str(len(self.job.document["classes"])),
            cases=self.cases_sha256,
            pretrained=self.pretrained_sha256,
        )

    def about(self) -> dict[str, Any]:
        """Return what goes with the weights, as plain values."""
        settings = self.job.settings
        return {
            "network": settings.network,
            "head": "segmentation",
            "task": {"name": self.job.task, "document": dict(self.job.document)},
            "run": settings.name,
            "fold": self.fold.fold,
            "seed": self.fold.seed,
            "pretrained": settings.pretrained,
            "preprocess": dict(self.job.preprocess),
            "patch_size_voxels": settings.patch_size_voxels,
            "deep_supervision": settings.deep_supervision,
            "leakage": dict(self.leakage),
        }


def origin_of(job: FinetuneJob, fold: Fold, *, leakage: Mapping[str, Any]) -> Origin:
    """Look at what a fold is to be made of.

    Raises
    ------
    DataError
        If a file of it cannot be read.
    """
    folders = [Path(job.cases) / case for case in (*fold.train, *fold.val)]
    return Origin(
        job=job,
        fold=fold,
        cases_sha256=_digest_of([folder / name for folder in folders for name in (IMAGE, LABEL)]),
        pretrained_sha256=None if job.pretrained is None else _digest_of([Path(job.pretrained)]),
        leakage=leakage,
    )


def _digest_of(paths: Sequence[Path]) -> str:
    """Return the digest of one file, or of several: of their digests."""
    digests = []
    for path in paths:
        try:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            msg = f"{path}: cannot be read ({error.strerror}). Check the path."
            raise DataError(msg) from error
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def write_result(
    folder: Path, *, network: nn.Module, history: History, origin: Origin, load_report: str | None
) -> None:
    """Write weights and card of a finished fold.

    Parameters
    ----------
    folder : Path
        Of the fold.
    network : torch.nn.Module
        As trained.
    history : History
        Its rows, and the time that it took.
    origin : Origin
        What it was made of.
    load_report : str, optional
        What of the checkpoint went into it.
    """
    save_weights(network, folder / WEIGHTS, origin.about() | {"load_report": load_report})
    card = {
        "format": _CARD_FORMAT,
        "task": origin.job.task,
        "run": origin.job.settings.name,
        "fold": asdict(origin.fold),
        "settings": asdict(origin.job.settings),
        "preprocess": dict(origin.job.preprocess),
        "digest": origin.digest,
        "pretrained": _pretrained(origin, load_report),
        "leakage": dict(origin.leakage),
        "network": _sizes(network),
        "started_utc": history.started_utc,
        "finished_utc": history.logged_utc,
        "resumed_at_steps": history.resumed_at_steps,
        "last_step": max((int(row["step"]) for row in history.rows), default=0),
        "validation": _last_validation(history.rows),
        "cost": _cost(history, origin.job.settings),
        "hardware": list(_hardware(origin.job.settings)),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        "files": [_file(folder / WEIGHTS)],
    }
    text = json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False)
    write_if_changed(folder / CARD, f"{text}\n".encode(errors="backslashreplace"))


def _pretrained(origin: Origin, load_report: str | None) -> dict[str, Any] | None:
    if origin.pretrained_sha256 is None:
        return None
    name, path = origin.job.settings.pretrained, origin.job.pretrained
    return {"name": name, "path": path, "sha256": origin.pretrained_sha256, "load_report": load_report}


def _sizes(network: nn.Module) -> dict[str, int]:
    encoder = sum(part.numel() for name, part in network.named_parameters() if name.startswith("encoder."))
    return {"encoder_parameters": encoder, "parameters": sum(part.numel() for part in network.parameters())}


def _last_validation(rows: Sequence[Mapping[str, float]]) -> dict[str, float | None] | None:
    """Return what the last validation said; what is not finite is null, since JSON has no number for it."""
    for row in reversed(rows):
        if "val_loss" in row:
            return {key: value if math.isfinite(value) else None for key, value in row.items()}
    return None


def _cost(history: History, settings: FinetuneSettings) -> dict[str, float | None]:
    """Return seconds of training over all sessions, without validations, and the peaks in millions of bytes."""
    steps = max((row["step"] for row in history.rows if "train_loss" in row), default=0)
    trained_s = history.trained_s
    return {
        "trained_s": trained_s,
        "patches_per_s": steps * settings.batch_size / trained_s if trained_s else None,
        "waiting_share": history.waited_s / trained_s if trained_s else None,
        "host_peak_mb": history.host_peak_mb,
        "device_peak_mb": history.device_peak_mb,
    }


def _hardware(settings: FinetuneSettings) -> Iterator[str]:
    yield platform.machine()
    if settings.accelerator == "gpu":
        yield torch.cuda.get_device_name()
        yield f"CUDA {torch.version.cuda}"
    else:
        yield f"CPU ({torch.backends.cpu.get_cpu_capability()}), {settings.threads} thread(s)"


def _file(path: Path) -> dict[str, Any]:
    return {"path": path.name, "size_bytes": path.stat().st_size, "sha256": _digest_of([path])}
