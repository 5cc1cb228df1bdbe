"""What a finished run leaves: weights for others' use, the volumes that it saw, and its card."""

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from brains45k.networks.checkpoints import save_weights
from brains45k.training.card import (
    Card,
    Corpus,
    Cost,
    Count,
    NetworkSize,
    Picture,
    RunFile,
    SourceTerms,
    Verdict,
    write_card,
)
from brains45k.training.history import History
from brains45k.training.module import AmaesModule
from brains45k.training.seen import Seen
from brains45k.training.settings import PretrainSettings

WEIGHTS, VOLUMES = "model.safetensors", "volumes.parquet"
_PACKAGES = ("brains45k", "torch", "lightning", "monai", "numpy")


def about(settings: PretrainSettings, seen: Seen) -> dict[str, Any]:
    """Return what every checkpoint of a run says of its origin, as plain values."""
    return {
        "settings": asdict(settings),
        "build_id": seen.build_id,
        "corpus_digest": seen.digest,
        "subjects": seen.subjects(),
        "volumes": seen.table.to_pydict(),
    }


def write_result(
    folder: Path,
    *,
    module: AmaesModule,
    history: History,
    seen: Seen,
    terms: Iterable[Mapping[str, Any]],
) -> None:
    """Write weights, volumes and card of a finished run.

    Parameters
    ----------
    folder : Path
        Of the run.
    module : AmaesModule
        As trained.
    history : History
        Its rows, and the time that it took.
    seen : Seen
        The volumes of its corpus.
    terms : iterable of mapping
        What the source files say; of sources that gave no volume nothing is said.
    """
    settings = module.settings
    origin = {"network": settings.network, "head": "reconstruction", "run": settings.name}
    origin |= {"build_id": seen.build_id, "corpus_digest": seen.digest, "licence_note": _NOTE}
    save_weights(module.model, folder / WEIGHTS, origin)
    pq.write_table(seen.table.replace_schema_metadata({"build_id": seen.build_id}), folder / VOLUMES)
    used = set(seen.table["source"].to_pylist())
    card = Card(
        name=settings.name,
        started_utc=history.started_utc,
        finished_utc=history.logged_utc,
        verdict=_verdict(history.rows),
        cost=_cost(history, settings),
        network=_size(module),
        settings=asdict(settings),
        corpus=_corpus(seen),
        terms=[SourceTerms(**entry) for entry in terms if entry["name"] in used],
        history=history.rows,
        hardware=_hardware(settings),
        versions={"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        pictures=_pictures(folder, history.rows),
        resumed_at_steps=history.resumed_at_steps,
        files=[_file(folder, name) for name in (WEIGHTS, VOLUMES)],
    )
    write_card(folder, card)


_NOTE = "Weights are derived from the sources that card.json names; their terms bind."


def _verdict(rows: Sequence[Mapping[str, float]]) -> Verdict:
    last = next((row for row in reversed(rows) if "val_loss" in row), {})
    return Verdict(last.get("val_loss"), last.get("mean_loss"))


def _cost(history: History, settings: PretrainSettings) -> Cost:
    steps = max((row["step"] for row in history.rows if "train_loss" in row), default=0)
    patches = steps * settings.patches_per_step
    return Cost(
        trained_s=history.trained_s,
        patches_per_s=patches / history.trained_s if history.trained_s else None,
        waiting_share=history.waited_s / history.trained_s if history.trained_s else None,
        host_peak_mb=history.host_peak_mb,
        device_peak_mb=history.device_peak_mb,
    )


def _size(module: AmaesModule) -> NetworkSize:
    encoder = sum(part.numel() for name, part in module.model.named_parameters() if name.startswith("encoder."))
    whole = sum(part.numel() for part in module.model.parameters())
    return NetworkSize(module.settings.network, encoder, whole - encoder)


def _corpus(seen: Seen) -> Corpus:
    by_source = {
        name: seen.table.filter(pc.equal(seen.table["source"], name))
        for name in sorted(set(seen.table["source"].to_pylist()))
    }
    return Corpus(seen.build_id, _counts(seen.table), {name: _counts(table) for name, table in by_source.items()})


def _counts(table: pa.Table) -> dict[str, Count]:
    counts = {}
    for split in sorted(set(table["split"].to_pylist())):
        part = table.filter(pc.equal(table["split"], split)).select(["source", "subject"]).to_pylist()
        counts[split] = Count(len(part), len({(row["source"], row["subject"]) for row in part}))
    return counts


def _hardware(settings: PretrainSettings) -> list[str]:
    lines = [f"{settings.nodes} node(s) with {settings.devices} process(es) each", platform.machine()]
    if settings.accelerator == "gpu":
        return [*lines, torch.cuda.get_device_name(), f"CUDA {torch.version.cuda}; memory is the first device's"]
    return [*lines, f"CPU ({torch.backends.cpu.get_cpu_capability()}), {settings.threads} thread(s) per process"]


def _pictures(folder: Path, rows: Sequence[Mapping[str, float]]) -> list[Picture]:
    """Return this run's last picture and its first; those between, and another run's, lie beside them."""
    steps = {int(row["step"]) for row in rows if "val_loss" in row}
    names = sorted(path.name for path in (folder / "pictures").glob("step-*.png") if int(path.stem[5:]) in steps)
    chosen = list(dict.fromkeys([*names[-1:], *names[:1]]))
    return [Picture(PurePath("pictures") / name, f"After step {int(name[5:-4]):,}") for name in chosen]


def _file(folder: Path, name: str) -> RunFile:
    content = (folder / name).open("rb")
    with content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return RunFile(PurePath(name), (folder / name).stat().st_size, digest)
