"""The process of one fold: ``python -m brains45k.segmentation.finetune job.json``.

It is started by :func:`brains45k.segmentation.job.run_finetune`.
"""

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TextIO, cast

import lightning as L  # noqa: N812 - the library's own name for itself
import torch

from brains45k.adapter import job_log
from brains45k.corpus.manifest import read_table
from brains45k.segmentation.job import FinetuneJob
from brains45k.segmentation.module import SegmentationModule
from brains45k.segmentation.patches import Cases, StepLoader, TrainPatches, ValidationPatches, step_loader
from brains45k.segmentation.result import Origin, origin_of, write_result
from brains45k.segmentation.settings import FinetuneSettings
from brains45k.tasks.folds import Fold
from brains45k.tasks.leaks import FROM_SCRATCH, Leakage, require_no_leaks
from brains45k.tasks.task import Task
from brains45k.training.bar import Bar
from brains45k.training.checkpoint import LastCheckpoint, steps_done
from brains45k.training.history import TRAINING_COLUMNS, History, Waiting
from brains45k.training.process import be_quiet, say
from brains45k.training.stream import Stream
from brains45k.training.trainer import make_trainer
from brains45k.training.world import World, join_world

_COLUMNS = (*TRAINING_COLUMNS, "val_loss", "val_dice")


def finetune(job: FinetuneJob, world: World, log: TextIO) -> None:
    """Train a fold to its end, from its last checkpoint on if there is one, and write its result.

    A fold that was trained to its end is not trained again: its result is written again, with the same weights.

    Parameters
    ----------
    job : FinetuneJob
        What to train, on which cases, from which weights, and where to put it.
    world : World
        Which process this is: the only one.
    log : TextIO
        Gets a line for each thing that a user may ask about later.

    Raises
    ------
    DataError
        If a case or a checkpoint is damaged, a loss is not finite, or the job was told to end.
    CallError
        If a test case was pretrained on and that is not allowed, or the settings do not suit the machine.
    """
    settings, folder = job.settings, Path(job.folder)
    torch.set_num_threads(settings.threads)
    task, fold = Task.from_document(job.task, job.document), Fold.read(Path(job.fold))
    # Before anything is trained, or read for it.
    leakage = guard(job, fold)
    train, val = (Cases(Path(job.cases), names, channels=len(task.roles)) for names in (fold.train, fold.val))
    origin = origin_of(job, fold, leakage=leakage.to_json())
    # A folder for each thing to train: a checkpoint of other settings or cases is neither used nor lost.
    checkpoint = folder / "checkpoints" / origin.digest / "last.ckpt"
    done = steps_done(checkpoint)
    name = f"{settings.name}, {task.name}, fold {fold.fold}"
    say(log, f"{name}: {len(train)} cases to train on; begins at step {done} ({checkpoint})")
    module = _module(job, task, fold)
    if module.load_report:
        say(log, module.load_report)
    with closing(_train_loader(train, settings, fold.seed)) as loader:
        stream = Stream(loader, epochs=1, first_batch=done)
        history = _history(folder, settings, stream)
        trainer = make_trainer(
            settings,
            world,
            folder=folder,
            # A checkpoint holds the history, so the history comes first.
            callbacks=[history, Bar(name, history), _keeper(checkpoint, origin)],
            steps_per_epoch=settings.batches_per_epoch,
            done=done,
        )
        trainer.fit(module, stream, _validation(val, settings), ckpt_path=checkpoint if done else None)
    write_result(folder, network=module.model, history=history, origin=origin, load_report=module.load_report)
    say(log, f"{name}: done after step {trainer.global_step}")


def guard(job: FinetuneJob, fold: Fold) -> Leakage:
    """Refuse to train what was pretrained on a case that it will be tested on, unless that is allowed.

    Raises
    ------
    CallError
        If there is a leak, or no record that could tell, and that is not allowed.
    """
    if job.pretrained is None:
        return FROM_SCRATCH
    seen = None if job.seen is None else read_table(Path(job.seen))
    cases = read_table(Path(job.table))
    return require_no_leaks(cases, fold.test, seen, allow=job.allow_leakage, checkpoint=job.pretrained)


def _module(job: FinetuneJob, task: Task, fold: Fold) -> SegmentationModule:
    return SegmentationModule(
        job.settings,
        seed=fold.seed,
        channels=len(task.roles),
        classes=task.class_count,
        train_cases=fold.train,
        pretrained=None if job.pretrained is None else Path(job.pretrained),
    )


def _train_loader(cases: Cases, settings: FinetuneSettings, seed: int) -> StepLoader:
    patches = TrainPatches(
        cases,
        seed=seed,
        size_voxels=settings.patch_size_voxels,
        batch_size=settings.batch_size,
        foreground_share=settings.foreground_share,
    )
    on_gpu = settings.accelerator == "gpu"
    return step_loader(patches, steps=settings.steps, workers=settings.workers, pin_memory=on_gpu)


def _validation(cases: Cases, settings: FinetuneSettings) -> ValidationPatches | None:
    if not len(cases):
        return None
    return ValidationPatches(cases, size_voxels=settings.patch_size_voxels, batch_size=settings.batch_size)


def _history(folder: Path, settings: FinetuneSettings, stream: Waiting) -> History:
    return History(
        folder / "metrics.csv",
        every_steps=settings.log_every_steps,
        steps_per_epoch=settings.batches_per_epoch,
        patches_per_step=settings.batch_size,
        stream=stream,
        columns=_COLUMNS,
        validated=_validated,
    )


def _validated(module: L.LightningModule) -> Mapping[str, float]:
    return cast("SegmentationModule", module).validated


def _keeper(checkpoint: Path, origin: Origin) -> LastCheckpoint:
    settings = origin.job.settings
    return LastCheckpoint(
        checkpoint,
        every_steps=settings.checkpoint_every_steps,
        validation_batches=settings.batches_per_epoch if origin.fold.val else None,
        about=origin.about(),
    )


def main(path: Path) -> None:
    """Train the fold that the job's file describes."""
    be_quiet()
    job = FinetuneJob.read(path)
    with job_log(job.log, fresh=False) as log:
        finetune(job, join_world(job.settings), log)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
