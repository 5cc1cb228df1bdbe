"""The checkpoint that a run goes on from: one file, replaced in one move."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L  # noqa: N812
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from brains45k.errors import DataError

#: The key of a checkpoint under which this package keeps what Lightning does not know.
KEY = "brains45k"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its place, bring it to the disk, and move it in."""

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write without a moment in which neither the old nor the new checkpoint is whole."""
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f".{place.name}.partial")
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, place)  # noqa: PTH105 - the one call that is atomic on every system


class LastCheckpoint(Callback):
    """Keep the newest state of a run: every so many steps, at each validation, at the end, and when it is told to end.

    Parameters
    ----------
    path : Path
        The checkpoint.
    every_steps : int
        Steps of the optimizer that a run which is killed loses at most.
    validation_batches : int, optional
        Training batches between two validations; None where nothing is validated.
    about : mapping
        Plain values that are kept in each checkpoint: settings, corpus, subjects.
    """

    def __init__(
        self, path: Path, *, every_steps: int, validation_batches: int | None, about: Mapping[str, Any]
    ) -> None:
        self._path = path
        self._every_steps = every_steps
        self._validation_batches = validation_batches
        self._about = dict(about)
        self._told_to_end = False

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take over from Lightning what a signal does: its way would leave out a validation and call that success.

        Raises
        ------
        DataError
            If the processes did not read the same checkpoint, as on a shared disk that shows one node an old file.
        """
        begun = trainer.strategy.broadcast(trainer.global_step)
        if trainer.strategy.reduce_boolean_decision(begun != trainer.global_step, all=False):
            msg = (
                f"{self._path}: the processes begin at different steps, this one at {trainer.global_step}. Start again."
            )
            raise DataError(msg)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)

    @override
    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what the weights come from."""
        checkpoint[KEY] = self._about

    @override
    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the state if it is time to.

        Raises
        ------
        DataError
            If the job was told to end, once its state is kept.
        """
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        # Where a validation follows, the state is kept behind it, so that a run which goes on does not leave it out.
        validates = self._validation_batches is not None and (batch_idx + 1) % self._validation_batches == 0
        due = trainer.global_step % self._every_steps == 0 or trainer.global_step == trainer.max_steps
        # Processes get a signal at different steps, and have to end at the same one.
        ends = trainer.strategy.reduce_boolean_decision(self._told_to_end, all=False)
        if (due or ends) and not validates:
            trainer.save_checkpoint(self._path)
            self._end(trainer, ends)

    @override
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the state behind each validation, and end as :meth:`on_train_batch_end` does."""
        trainer.save_checkpoint(self._path)
        self._end(trainer, trainer.strategy.reduce_boolean_decision(self._told_to_end, all=False))

    def _end(self, trainer: L.Trainer, ends: bool) -> None:
        if ends:
            msg = (
                f"{self._path}: the job was told to end at step {trainer.global_step}, and kept its state. "
                "Start it again to go on from there."
            )
            raise DataError(msg)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        """End behind the step that is being computed; a second Ctrl-C ends at once."""
        del frame
        self._told_to_end = True
        # A cluster's signal comes several times: from Slurm, and from each launcher above. Its last word is SIGKILL.
        signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN)


def steps_done(path: Path) -> int:
    """Return the number of steps that a checkpoint was kept after; 0 where there is none.

    Raises
    ------
    DataError
        If the file is no checkpoint.
    """
    if not path.is_file():
        return 0
    try:
        # Mapped, so that of a large file just this number is read.
        return int(torch.load(path, map_location="cpu", mmap=True, weights_only=True)["global_step"])
    except Exception as error:  # torch raises whatever the bytes lead it to
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        msg = f"{path}: not a readable checkpoint ({cause}). Delete it, and the run starts anew."
        raise DataError(msg) from error
