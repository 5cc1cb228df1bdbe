"""One progress bar over a run: steps, patches per second, and the share of time that the device waited for data."""

from typing import TYPE_CHECKING, Any, NoReturn

import lightning as L  # noqa: N812
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from brains45k.progress import open_bar
from brains45k.training.history import History

if TYPE_CHECKING:
    from tqdm import tqdm


class Bar(Callback):
    """Show on the first process what the newest rows of a run's history say.

    Parameters
    ----------
    name : str
        Of the run.
    history : History
        What the bar reads from; it must be called before this callback.
    """

    def __init__(self, name: str, history: History) -> None:
        self._name = name
        self._history = history
        self._bar: tqdm[NoReturn] | None = None

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            self._bar = open_bar(self._name, unit="step", total=trainer.max_steps, done=trainer.global_step)

    @override
    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(newest(self._history.rows), refresh=False)
            self._bar.update(trainer.global_step - self._bar.n)

    @override
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()

    @override
    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        """End the bar's line, so that what is said next begins its own."""
        if self._bar is not None:
            self._bar.close()


def newest(rows: list[dict[str, float]]) -> str:
    """Return the newest losses, speed and share of waiting as one short text."""
    known: dict[str, float] = {}
    for row in rows[-2:]:
        known |= row
    formats = {
        "epoch": "epoch {:.1f}",
        "train_loss": "loss {:.4f}",
        "val_loss": "val {:.4f}",
        "val_dice": "Dice {:.3f}",
        "patches_per_s": "{:.1f} patches/s",
        "waiting_share": "waiting {:.1%}",
    }
    return ", ".join(text.format(known[name]) for name, text in formats.items() if name in known)
