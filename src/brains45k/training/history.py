"""What a run logs: rows for the curves, as CSV and TensorBoard, that survive its end and its resumption."""

import csv
import io
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import lightning as L  # noqa: N812
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from typing_extensions import override

from brains45k.corpus.manifest import write_if_changed

if TYPE_CHECKING:
    from brains45k.training.module import AmaesModule

#: Of every metrics.csv; a row of training leaves out what a validation says, and the other way round.
TRAINING_COLUMNS = ("step", "epoch", "train_loss", "learning_rate", "patches_per_s", "waiting_share")
#: Of that of a pretraining run.
COLUMNS = (*TRAINING_COLUMNS, "val_loss", "mean_loss")

# The key of a checkpoint that holds a history, and those of its values that it holds as they are.
_KEY = "history"
_KEPT = (
    "rows",
    "resumed_at_steps",
    "started_utc",
    "logged_utc",
    "host_peak_mb",
    "device_peak_mb",
    "trained_s",
    "waited_s",
)
# Of getrusage on Linux, in MB of a million bytes.
_MB_PER_KIB = 1024 / 1e6


class Waiting(Protocol):
    """A stream of batches that knows how long it was waited for."""

    waited_s: float


def pretraining_losses(module: L.LightningModule) -> dict[str, float]:
    """Return what a pretraining module's last validation says; nothing before the first."""
    loss = cast("AmaesModule", module).validation_loss
    return {} if loss is None else {"val_loss": loss.network, "mean_loss": loss.mean}


class History(Callback):
    """Collect a row every so many steps and after each validation.

    The rows are part of the checkpoint: a run that goes on has the rows up to its checkpoint and no later ones.

    Parameters
    ----------
    path : Path
        ``metrics.csv``.
    every_steps : int
        Steps of the optimizer between two rows of training.
    steps_per_epoch : int
        Steps of the optimizer in an epoch.
    patches_per_step : int
        Over all processes.
    stream : Waiting
        The batches of training.
    columns : sequence of str
        Of ``metrics.csv``.
    validated : callable
        From the module, behind a validation, to what its row says; an empty answer makes no row.
    """

    def __init__(
        self,
        path: Path,
        *,
        every_steps: int,
        steps_per_epoch: int,
        patches_per_step: int,
        stream: Waiting,
        columns: Sequence[str] = COLUMNS,
        validated: Callable[[L.LightningModule], Mapping[str, float]] = pretraining_losses,
    ) -> None:
        self.rows: list[dict[str, float]] = []
        #: Steps at which the run was gone on with.
        self.resumed_at_steps: list[int] = []
        #: When the run was first started, in UTC.
        self.started_utc = now_utc()
        #: When the newest row was written.
        self.logged_utc = self.started_utc
        #: Largest resident memory of this process or a worker of it, and largest allocated memory of its GPU.
        self.host_peak_mb = 0.0
        self.device_peak_mb: float | None = None
        #: Seconds of training without validations, and of waiting for data in them, over all sessions.
        self.trained_s = 0.0
        self.waited_s = 0.0
        self._path = path
        self._every_steps = every_steps
        self._steps_per_epoch = steps_per_epoch
        self._patches_per_step = patches_per_step
        self._stream = stream
        self._columns = columns
        self._validated = validated
        # The losses since the last row, as a sum on the device.
        self._loss_sum: Tensor | float = 0.0
        self._batches = 0
        self._window = _Window(stream)
        self._learning_rate = 0.0

    @override
    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what a run that goes on needs: plain values alone, the same on all processes."""
        self._note_peaks()
        checkpoint[_KEY] = {name: getattr(self, name) for name in _KEPT} | {
            "loss_sum": _mean_over_processes(trainer, self._loss_sum),
            "batches": self._batches,
        }

    @override
    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        kept = dict(checkpoint[_KEY])
        self._loss_sum, self._batches = kept.pop("loss_sum"), kept.pop("batches")
        for name, value in kept.items():
            setattr(self, name, value)

    def _note_peaks(self) -> None:
        usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        self.host_peak_mb = max(self.host_peak_mb, max(usage) * _MB_PER_KIB)
        if torch.cuda.is_available():
            self.device_peak_mb = max(self.device_peak_mb or 0.0, torch.cuda.max_memory_allocated() / 1e6)

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note a resumption, and take the time."""
        if trainer.global_step:
            self.resumed_at_steps.append(trainer.global_step)
        self._window = _Window(self._stream)

    @override
    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note the learning rate that this batch is taken with: behind the step, it is the next one's."""
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add up the loss, and write a row when it is time to."""
        loss = cast("Mapping[str, Tensor]", outputs)["loss"].detach()
        # Lightning divides the loss by the number of batches that a step takes.
        self._loss_sum = self._loss_sum + loss.double() * trainer.accumulate_grad_batches
        self._batches += 1
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._window.steps += 1
            if trainer.global_step % self._every_steps == 0 or trainer.global_step == trainer.max_steps:
                self._add(trainer, self._training_row(trainer))

    @override
    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock of training."""
        self._window.pause()

    @override
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write a row of validation, and start the clock again."""
        values = self._validated(pl_module)
        if values:
            self._add(trainer, values)
        self._window.resume()

    def _training_row(self, trainer: L.Trainer) -> dict[str, float]:
        seconds, waited_s, steps = self._window.close()
        self.trained_s += seconds
        self.waited_s += waited_s
        mean = _mean_over_processes(trainer, self._loss_sum) / self._batches
        self._loss_sum, self._batches = 0.0, 0
        self._window = _Window(self._stream)
        return {
            "train_loss": mean,
            "learning_rate": self._learning_rate,
            "patches_per_s": steps * self._patches_per_step / seconds,
            "waiting_share": waited_s / seconds,
        }

    def _add(self, trainer: L.Trainer, values: Mapping[str, float]) -> None:
        step = trainer.global_step
        self.logged_utc = now_utc()
        self.rows.append({"step": step, "epoch": step / self._steps_per_epoch, **values})
        if trainer.is_global_zero:
            write_if_changed(self._path, as_csv(self.rows, self._columns))
            for logger in trainer.loggers:
                logger.log_metrics(dict(values), step)


class _Window:
    """Steps and seconds since the last row, without validations."""

    def __init__(self, stream: Waiting) -> None:
        self.steps = 0
        self._stream = stream
        self._waited_before_s = stream.waited_s
        self._seconds = 0.0
        self._since_s = time.monotonic()

    def pause(self) -> None:
        self._seconds += time.monotonic() - self._since_s

    def resume(self) -> None:
        self._since_s = time.monotonic()

    def close(self) -> tuple[float, float, int]:
        self.pause()
        return max(self._seconds, 1e-9), self._stream.waited_s - self._waited_before_s, self.steps


def _mean_over_processes(trainer: L.Trainer, value: "Tensor | float") -> float:
    own = torch.as_tensor(value, dtype=torch.float64, device=trainer.strategy.root_device)
    return float(cast("Tensor", trainer.strategy.reduce(own, reduce_op="mean")))


def now_utc() -> str:
    """Return the time as text, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def as_csv(rows: list[dict[str, float]], columns: Sequence[str] = COLUMNS) -> bytes:
    """Return rows as CSV with these columns; what a row does not say stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
