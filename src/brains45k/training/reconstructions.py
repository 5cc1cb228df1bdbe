"""Pictures of what the network makes of one validation volume, at each validation."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import lightning as L  # noqa: N812
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override

from brains45k.training.masking import mask_voxels
from brains45k.training.patches import Batch
from brains45k.training.pictures import reconstruction_picture, write_picture

if TYPE_CHECKING:
    from brains45k.training.module import AmaesModule


class Reconstructions(Callback):
    """Draw one patch, augmented and masked as in training, the same at each validation.

    Parameters
    ----------
    folder : Path
        Where the pictures go, as ``step-0000123.png``.
    batch : Batch
        One patch, as large as training's.
    title : str
        Name of its volume.
    """

    def __init__(self, folder: Path, batch: Batch, *, title: str) -> None:
        self._folder = folder
        self._batch = batch
        self._title = title

    @override
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        title = f"{self._title}, step {trainer.global_step:,}"
        picture = reconstruction_picture(self._panels(cast("AmaesModule", pl_module)), title=title)
        write_picture(picture, self._folder / f"step-{trainer.global_step:07}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(
                    "reconstruction", np.asarray(picture), trainer.global_step, dataformats="HWC"
                )

    @torch.no_grad()
    def _panels(self, module: "AmaesModule") -> dict[str, np.ndarray[Any, Any]]:
        batch = self._batch._replace(levels=self._batch.levels.to(module.device))
        sample = module.prepare(batch, preset=module.settings.augmentation)
        with module.trainer.precision_plugin.forward_context():
            output = module(sample)
        panels = {
            "input": sample.image,
            "masked": mask_voxels(sample.image, sample.mask),
            "output": output,
            "target": sample.target,
        }
        return {name: image[0, 0].float().cpu().numpy() for name, image in panels.items()}
