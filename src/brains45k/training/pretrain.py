"""One process of a pretraining run: ``python -m brains45k.training.pretrain job.json``.

A run's processes are started by :mod:`brains45k.training.launch`.
"""

import sys
from contextlib import closing
from pathlib import Path
from typing import TextIO

import torch
from lightning.pytorch.callbacks import Callback

from brains45k.adapter import job_log
from brains45k.corpus.reader import Corpus, open_corpus
from brains45k.errors import DataError
from brains45k.training.augment import source_size_voxels
from brains45k.training.bar import Bar
from brains45k.training.checkpoint import LastCheckpoint, steps_done
from brains45k.training.history import History
from brains45k.training.launch import Job
from brains45k.training.loader import PatchLoader, TrainLoader, train_loader, validation_loader
from brains45k.training.module import AmaesModule
from brains45k.training.order import Share
from brains45k.training.patches import rows_of
from brains45k.training.process import be_quiet, say
from brains45k.training.reconstructions import Reconstructions
from brains45k.training.result import about, write_result
from brains45k.training.seen import read_seen
from brains45k.training.settings import PretrainSettings
from brains45k.training.stream import Stream
from brains45k.training.trainer import make_trainer
from brains45k.training.world import World, join_world


def pretrain(job: Job, world: World, log: TextIO) -> None:
    """Train to the end of the run, from its last checkpoint on if there is one, and write its result.

    Parameters
    ----------
    job : Job
        What to train, on which corpus, and where to put it.
    world : World
        Which process this is.
    log : TextIO
        Gets a line for each thing that a user may ask about later.

    Raises
    ------
    DataError
        If the corpus or the checkpoint is damaged, a loss is not finite, or the job was told to end.
    CallError
        If the settings do not suit the corpus or the machine.
    """
    settings, folder = job.settings, Path(job.folder)
    torch.set_num_threads(settings.threads)
    corpus, seen = open_corpus(job.manifest), read_seen(Path(job.manifest))
    _require_validation(corpus, job.manifest)
    # A folder for each thing to train: a checkpoint of other settings or of another corpus is neither used nor lost.
    checkpoint = folder / "checkpoints" / settings.digest(corpus=seen.digest) / "last.ckpt"
    done = steps_done(checkpoint)
    say(log, f"{settings.name}: {len(corpus):,} volumes of build {seen.build_id}; begins at step {done} ({checkpoint})")

    share = Share(batch_size=settings.batch_size, rank=world.rank, ranks=world.size)
    loader = _train_loader(corpus, share, settings)
    steps_per_epoch = len(loader) // settings.accumulate_batches
    stream = Stream(loader, epochs=settings.epochs, first_batch=done * settings.accumulate_batches)
    history = History(
        folder / "metrics.csv",
        every_steps=settings.log_every_steps,
        steps_per_epoch=steps_per_epoch,
        patches_per_step=settings.patches_per_step,
        stream=stream,
    )
    keeper = LastCheckpoint(
        checkpoint,
        every_steps=settings.checkpoint_every_steps,
        validation_batches=len(loader),
        about=about(settings, seen),
    )
    module = AmaesModule(settings, steps_per_epoch=steps_per_epoch, volume_ids=corpus.manifest["volume_id"].tolist())
    trainer = make_trainer(
        settings,
        world,
        folder=folder,
        # A checkpoint holds the history, so the history comes first.
        callbacks=[history, *_witnesses(corpus, settings, history, folder), keeper],
        steps_per_epoch=steps_per_epoch,
        done=done,
    )
    with closing(loader), closing(_validation_loader(corpus, share, settings)) as validation:
        trainer.fit(module, stream, validation, ckpt_path=checkpoint if done else None)
    if world.is_first:
        write_result(folder, module=module, history=history, seen=seen, terms=job.terms)
        say(log, f"{settings.name}: done after step {trainer.global_step}")


def _require_validation(corpus: Corpus, manifest: str) -> None:
    if not rows_of(corpus, "val"):
        msg = f"{manifest}: no volume is in val, so nothing would tell what a run learned. Raise split.val_fraction."
        raise DataError(msg)


def _train_loader(corpus: Corpus, share: Share, settings: PretrainSettings) -> TrainLoader:
    return train_loader(
        corpus,
        share,
        size_voxels=source_size_voxels(settings.augmentation, settings.patch_size_voxels),
        seed=settings.seed,
        accumulate_batches=settings.accumulate_batches,
        workers=settings.workers,
        pin_memory=settings.accelerator == "gpu",
    )


def _validation_loader(corpus: Corpus, share: Share, settings: PretrainSettings) -> PatchLoader:
    return validation_loader(
        corpus,
        share,
        size_voxels=settings.patch_size_voxels,
        seed=settings.seed,
        workers=settings.validation_workers,
        pin_memory=settings.accelerator == "gpu",
    )


def _witnesses(corpus: Corpus, settings: PretrainSettings, history: History, folder: Path) -> list[Callback]:
    """Return what shows a run to people: its bar, and pictures of one validation volume."""
    size = source_size_voxels(settings.augmentation, settings.patch_size_voxels)
    batch = next(iter(validation_loader(corpus, Share(batch_size=1), size_voxels=size, seed=settings.seed)))
    title = str(corpus.manifest["volume_id"][int(batch.rows[0])])
    return [Bar(settings.name, history), Reconstructions(folder / "pictures", batch, title=title)]


def main(path: Path) -> None:
    """Run the process that the job's file and the environment describe."""
    be_quiet()
    job = Job.read(path)
    with job_log(job.log, fresh=False) as log:
        pretrain(job, join_world(job.settings), log)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
