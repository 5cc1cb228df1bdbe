"""The augmentations of AMAES, on the device and in batches."""

from brains45k.training.augment.labelled import Labelled, augment_labelled
from brains45k.training.augment.pipeline import INTERPOLATIONS, Pair, augment, source_size_voxels
from brains45k.training.augment.preset import PRESETS

__all__ = ["INTERPOLATIONS", "PRESETS", "Labelled", "Pair", "augment", "augment_labelled", "source_size_voxels"]
