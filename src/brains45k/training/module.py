"""AMAES as Lightning trains it: reconstruct the image as it was before it was augmented and masked.

The method is that of arXiv 2408.00640, its recipe that of asbjrnmunk/amaes at a51df88.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import lightning as L  # noqa: N812 - the library's own name for itself
import torch
from torch import Tensor
from typing_extensions import override

from brains45k import networks
from brains45k.corpus.chunks import SCALE
from brains45k.errors import DataError
from brains45k.training.augment import augment
from brains45k.training.loss import reconstruction_loss
from brains45k.training.masking import draw_mask, mask_voxels
from brains45k.training.optimization import adamw, is_gradient_finite
from brains45k.training.patches import Batch
from brains45k.training.plan import FILLER_ROW
from brains45k.training.schedule import learning_rate_factor
from brains45k.training.settings import PretrainSettings


class Sample(NamedTuple):
    """A batch on the device, ready for the network; images are (N, 1, S, S, S) float32.

    Attributes
    ----------
    image : Tensor
        What the network would see without a mask.
    mask : Tensor
        (N, 1, S, S, S) bool, true where the network sees 0.
    target : Tensor
        What it is to return.
    rows : Tensor
        (N,) rows of the corpus's manifest, on the host.
    """

    image: Tensor
    mask: Tensor
    target: Tensor
    rows: Tensor


class ValidationLoss(NamedTuple):
    """Squared errors over all validation patches.

    Attributes
    ----------
    network : float
        Of the network; over the voxels that the run's loss is over.
    mean : float
        Of predicting the mean of all those voxels everywhere, the best that a constant can do.
    """

    network: float
    mean: float


class AmaesModule(L.LightningModule):
    """The network with its loss, its optimizer, and what is done to a batch on the device.

    Parameters
    ----------
    settings : PretrainSettings
        Of the run.
    steps_per_epoch : int
        Steps of the optimizer, by which the learning rate is planned.
    volume_ids : sequence of str
        By row of the manifest, to name volumes in errors.
    """

    def __init__(self, settings: PretrainSettings, *, steps_per_epoch: int, volume_ids: Sequence[str]) -> None:
        super().__init__()
        self.settings = settings
        self._total_steps = settings.epochs * steps_per_epoch
        self._warmup_steps = settings.warmup_epochs * steps_per_epoch
        self._volume_ids = volume_ids
        self._sums = torch.zeros(4, dtype=torch.float64)
        # Losses and rows of the batches since the last step.
        self._taken: list[tuple[Tensor, Tensor]] = []
        #: Of the last validation; None before the first.
        self.validation_loss: ValidationLoss | None = None
        options = networks.Options(
            checkpointing=settings.checkpointing, channels_last=settings.channels_last, compile=settings.compile
        )
        # Its name makes the checkpoints' names those of the reference's: model.encoder, model.rec_head.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = networks.create(settings.network, 1, 1, "reconstruction", options=options)

    @override
    def configure_optimizers(self) -> Any:
        """Return AdamW under warm-up and cosine."""

        def factor(step: int) -> float:
            return learning_rate_factor(step, warmup_steps=self._warmup_steps, total_steps=self._total_steps)

        settings = self.settings
        return adamw(
            self.parameters(),
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            factor=factor,
        )

    @override
    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Send the voxels alone: rows and keys are read on the host."""
        return batch._replace(levels=batch.levels.to(device, non_blocking=True))

    @override
    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Sample:
        """Augment and mask a batch on the device."""
        preset = self.settings.augmentation if self.trainer.training else "none"
        return self.prepare(batch, preset=preset)

    def prepare(self, batch: Batch, *, preset: str) -> Sample:
        """Turn stored levels into what the network sees and what it is to return.

        Parameters
        ----------
        batch : Batch
            Levels (N, C, C, C), as large as the preset takes.
        preset : str
            Which augmentations are drawn.
        """
        size = self.settings.patch_size_voxels
        voxels = batch.levels.unsqueeze(1).to(torch.float32).mul_(SCALE)
        keys = batch.keys.tolist()
        pair = augment(voxels, keys, preset=preset, size_voxels=size, interpolation=self.settings.interpolation)
        mask = draw_mask(
            keys,
            size_voxels=size,
            token_voxels=self.settings.token_voxels,
            ratio=self.settings.mask_ratio,
            device=voxels.device,
        )
        return Sample(pair.image, mask, pair.target, batch.rows)

    @override
    def forward(self, sample: Sample) -> Tensor:
        """Return the reconstruction (N, 1, S, S, S) in float32."""
        return cast("Tensor", self.model(mask_voxels(sample.image, sample.mask))).float()

    @override
    def training_step(self, sample: Sample, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss = reconstruction_loss(self(sample), sample.target, sample.mask, over=self.settings.loss_over)
        self._taken.append((loss.detach(), sample.rows))
        return loss

    @override
    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse a step that would spoil the weights; the gradient is finite only if the losses are.

        Raises
        ------
        DataError
            If the gradient is not finite; the message names the volumes that this process took for the step.
        """
        if not is_gradient_finite(self.parameters()):
            raise DataError(self._not_finite())
        self._taken.clear()

    @override
    def validation_step(self, sample: Sample, batch_idx: int) -> None:
        """Add up the squared errors of a batch; its patches and masks are the same at each validation."""
        loss = reconstruction_loss(self(sample), sample.target, sample.mask, over=self.settings.loss_over)
        target = sample.target.double()
        if self.settings.loss_over == "masked":
            target = target[sample.mask]
        # Every patch has as many voxels and as many masked ones, so patches weigh alike.
        sums = torch.stack([loss.double(), target.mean(), target.square().mean(), torch.ones_like(target.mean())])
        # A process without a volume of its own has one patch of zeros instead.
        self._sums += int((sample.rows != FILLER_ROW).sum()) * sums

    @override
    def on_validation_epoch_start(self) -> None:
        """Begin the sums anew."""
        self._sums = torch.zeros(4, dtype=torch.float64, device=self.device)

    @override
    def on_validation_epoch_end(self) -> None:
        """Join the sums of all processes."""
        sums = self.trainer.strategy.reduce(self._sums, reduce_op="sum")
        loss, mean, square, count = cast("Tensor", sums).tolist()
        if count:
            self.validation_loss = ValidationLoss(loss / count, square / count - (mean / count) ** 2)

    def _not_finite(self) -> str:
        losses = ", ".join(f"{loss.item():g}" for loss, _ in self._taken)
        names = ", ".join(self._volume_ids[row] for _, rows in self._taken for row in rows.tolist())
        return (
            f"run {self.settings.name}: the gradient is not finite at step {self.global_step}; the loss is {losses} on "
            f"{names}. Look at these volumes (brains45k show), lower learning_rate, or set precision: 32-true; the "
            "last checkpoint is from before."
        )
