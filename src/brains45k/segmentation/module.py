"""Finetuning as Lightning runs it: the network, its loss, its optimizer, and what is done to a batch on the device.

The recipe is that of ``train.py`` of AMAES (asbjrnmunk/amaes at a51df88).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import lightning as L  # noqa: N812 - the library's own name for itself
import torch
from torch import Tensor
from typing_extensions import override

from brains45k import networks
from brains45k.corpus.chunks import SCALE
from brains45k.errors import DataError
from brains45k.segmentation.loss import segmentation_loss
from brains45k.segmentation.patches import Batch
from brains45k.segmentation.settings import FinetuneSettings
from brains45k.tasks.task import IGNORED
from brains45k.training.augment import Labelled, augment_labelled
from brains45k.training.optimization import adamw, is_gradient_finite


class Sample(NamedTuple):
    """A batch on the device, ready for the network.

    Attributes
    ----------
    image : Tensor
        (N, C, S, S, S) float32.
    label : Tensor
        (N, S, S, S) uint8.
    cases : Tensor
        (N,) numbers of the cases, on the host.
    """

    image: Tensor
    label: Tensor
    cases: Tensor


class SegmentationModule(L.LightningModule):
    """One fold of a finetuning run.

    Parameters
    ----------
    settings : FinetuneSettings
        Of the run.
    seed : int
        Of the fold: the first weights follow it alone, so that of two runs, one of them pretrained, only what the
        checkpoint holds differs.
    channels, classes : int
        Images of a case; classes with the background.
    train_cases : sequence of str
        By number, to name them in errors.
    pretrained : Path, optional
        The checkpoint that the encoder comes from.

    Raises
    ------
    DataError
        If the checkpoint cannot be read, or is of another network.
    """

    def __init__(
        self,
        settings: FinetuneSettings,
        *,
        seed: int,
        channels: int,
        classes: int,
        train_cases: Sequence[str],
        pretrained: Path | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self._train_cases = train_cases
        # Losses and cases of the batches since the last step.
        self._taken: list[tuple[Tensor, Tensor]] = []
        self._classes = classes
        self._loss_sum, self._counts = _no_counts(classes, torch.device("cpu"))
        #: What the last validation says, by the column of the curves; empty before the first.
        self.validated: dict[str, float] = {}
        options = networks.Options(
            checkpointing=settings.checkpointing, channels_last=settings.channels_last, compile=settings.compile
        )
        # Its name makes the checkpoints' names those of the reference's: model.encoder, model.pred_head.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = networks.create(
                settings.network,
                channels,
                classes,
                "segmentation",
                deep_supervision=settings.deep_supervision,
                options=options,
            )
        #: What of the checkpoint went into the network, in one line.
        self.load_report = None if pretrained is None else str(networks.load_weights(self.model, pretrained))

    @override
    def configure_optimizers(self) -> Any:
        """Return AdamW under a cosine that falls after each epoch."""
        settings = self.settings

        def factor(step: int) -> float:
            return settings.learning_rate_at(step) / settings.learning_rate

        return adamw(
            self.parameters(),
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            factor=factor,
        )

    @override
    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Send voxels and labels alone: cases and keys are read on the host."""
        levels, labels = (part.to(device, non_blocking=True) for part in (batch.levels, batch.labels))
        return batch._replace(levels=levels, labels=labels)

    @override
    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Sample:
        """Augment a batch on the device; validations are not augmented."""
        return self.prepare(batch, preset=self.settings.augmentation if self.trainer.training else "none")

    def prepare(self, batch: Batch, *, preset: str) -> Sample:
        """Turn stored levels into what the network sees.

        Parameters
        ----------
        batch : Batch
            On the device.
        preset : str
            Which augmentations are drawn.
        """
        stored = Labelled(batch.levels.to(torch.float32).mul_(SCALE), batch.labels)
        return Sample(*augment_labelled(stored, batch.keys.tolist(), preset=preset), batch.cases)

    @override
    def forward(self, image: Tensor) -> Any:
        """Return the logits (N, K, S, S, S); in training with deep supervision those of all levels, finest first."""
        return self.model(image)

    @override
    def training_step(self, sample: Sample, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss = segmentation_loss(self(sample.image), sample.label)
        self._taken.append((loss.detach(), sample.cases))
        return loss

    @override
    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse a step that would spoil the weights; the gradient is finite only if the loss is.

        Raises
        ------
        DataError
            If the gradient is not finite; the message names the cases of the step.
        """
        if not is_gradient_finite(self.parameters()):
            raise DataError(self._not_finite())
        self._taken.clear()

    @override
    def on_validation_epoch_start(self) -> None:
        """Begin the sums anew."""
        self._loss_sum, self._counts = _no_counts(self._classes, self.device)

    @override
    def validation_step(self, sample: Sample, batch_idx: int) -> None:
        """Add up the loss of a batch and what Dice is made of."""
        logits = cast("Tensor", self(sample.image))
        samples = len(sample.label)
        loss = segmentation_loss(logits, sample.label).double()
        self._loss_sum += torch.stack([loss * samples, torch.full_like(loss, samples)])
        self._counts += count_voxels(logits.argmax(1), sample.label, classes=self._classes)

    @override
    def on_validation_epoch_end(self) -> None:
        """Say the mean loss of the patches, and the mean Dice of the classes that they hold."""
        loss, samples = self._loss_sum.tolist()
        self.validated = {"val_loss": loss / samples}
        dice = mean_dice(self._counts)
        if dice is not None:
            self.validated["val_dice"] = dice

    def _not_finite(self) -> str:
        losses = ", ".join(f"{loss.item():g}" for loss, _ in self._taken)
        cases = dict.fromkeys(self._train_cases[number] for _, numbers in self._taken for number in numbers.tolist())
        return (
            f"run {self.settings.name}: the gradient is not finite at step {self.global_step}; the loss is {losses} on "
            f"the cases {', '.join(cases)}. Look at them, lower learning_rate, or set precision: 32-true; the last "
            "checkpoint is from before."
        )


def _no_counts(classes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sums of nothing: of the loss and its samples, and of :func:`count_voxels`."""
    return torch.zeros(2, dtype=torch.float64, device=device), torch.zeros(
        (3, classes - 1), dtype=torch.int64, device=device
    )


def count_voxels(predicted: Tensor, labels: Tensor, *, classes: int) -> Tensor:
    """Count voxels by class, background and ignored voxels aside.

    Parameters
    ----------
    predicted, labels : torch.Tensor
        (N, X, Y, Z), whole numbers; labels may hold 255.
    classes : int
        With the background.

    Returns
    -------
    torch.Tensor
        (3, classes - 1) int64: right ones, predicted ones, true ones.
    """
    counted = labels != IGNORED
    rows = []
    for number in range(1, classes):
        found, true = (predicted == number) & counted, labels == number
        rows.append(torch.stack([(found & true).sum(), found.sum(), true.sum()]))
    return torch.stack(rows, dim=1)


def mean_dice(counts: Tensor) -> float | None:
    """Return the mean over classes of Dice, from counts over all validation patches together.

    Parameters
    ----------
    counts : torch.Tensor
        As :func:`count_voxels` gives them.

    Returns
    -------
    float, optional
        A class that is neither there nor predicted does not count; None where that is so of all.
    """
    columns = [(right, found + true) for right, found, true in counts.T.tolist() if found + true]
    return sum(2 * right / both for right, both in columns) / len(columns) if columns else None
