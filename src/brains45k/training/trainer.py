"""Lightning's trainer, set up for a run, with nothing left that it would guess."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import lightning as L  # noqa: N812
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy

from brains45k.training.checkpoint import AtomicCheckpointIO
from brains45k.training.settings import RunSettings
from brains45k.training.world import World


def make_trainer(
    settings: RunSettings,
    world: World,
    *,
    folder: Path,
    callbacks: Sequence[Callback],
    steps_per_epoch: int,
    done: int,
) -> L.Trainer:
    """Return the trainer of one process.

    Lightning counts the whole run as one epoch of its own, in which it validates behind each epoch of the corpus: a
    run that goes on then always does so in the middle of an epoch, by one way through the code.

    Parameters
    ----------
    settings : RunSettings
        Of the run.
    world : World
        Which process this is.
    folder : Path
        Where the run's curves go.
    callbacks : sequence of Callback
        In the order in which they are called.
    steps_per_epoch : int
        Steps of the optimizer in an epoch of the corpus.
    done : int
        Steps that earlier sessions took.
    """
    # What was logged behind this step, by an earlier session or another run, is taken back.
    logger = TensorBoardLogger(folder, name="tensorboard", version="", purge_step=done + 1)
    return L.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy=_strategy(settings, world),
        precision=_precision(settings),
        # The processes were started by our launcher; on a cluster Lightning would look to Slurm for them.
        plugins=[AtomicCheckpointIO(), LightningEnvironment() if world.size == 1 else TorchElasticEnvironment()],
        logger=logger,
        callbacks=list(callbacks),
        max_epochs=-1,
        max_steps=settings.epochs * steps_per_epoch,
        accumulate_grad_batches=settings.accumulate_batches,
        val_check_interval=steps_per_epoch * settings.accumulate_batches,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _strategy(settings: RunSettings, world: World) -> Strategy | str:
    if world.size == 1:
        return "auto"
    # Views of one buffer instead of copies: a third less memory for the gradients.
    return DDPStrategy(
        process_group_backend="nccl" if settings.accelerator == "gpu" else "gloo", gradient_as_bucket_view=True
    )


def _precision(settings: RunSettings) -> Literal["bf16-mixed", "32-true"]:
    return "bf16-mixed" if settings.precision == "bf16-mixed" else "32-true"
