"""The presets of AMAES as plain data: what may happen to a sample, how often, how strongly, and in which order.

Probabilities and ranges are those of asbjrnmunk/amaes at a51df88 ("all" is the preset of its released "fullaug" files).
"""

from dataclasses import dataclass, replace

from brains45k.errors import CallError
from brains45k.training.augment.bias import BiasField
from brains45k.training.augment.blur import Blur
from brains45k.training.augment.gamma import Gamma
from brains45k.training.augment.gibbs import GibbsRinging
from brains45k.training.augment.lowres import LowResolution
from brains45k.training.augment.motion import MotionGhosting
from brains45k.training.augment.noise import AdditiveNoise, MultiplicativeNoise
from brains45k.training.augment.spatial import Spatial
from brains45k.training.augment.transform import Intensity


@dataclass(frozen=True, slots=True)
class Preset:
    """What may happen to a sample.

    Attributes
    ----------
    spatial : Spatial, optional
        What changes image and target alike.
    intensity : tuple of Intensity
        What changes the image alone, in this order.
    """

    spatial: Spatial | None = None
    intensity: tuple[Intensity, ...] = ()


_SPATIAL = Spatial(
    elastic_probability=0.33,
    elastic_sigma_voxels=(20.0, 30.0),
    elastic_alpha=(200.0, 600.0),
    rotation_probability=0.2,
    axis_probability=0.66,
    rotation_degrees=(-30.0, 30.0),
    scale_probability=0.2,
    scale=(0.9, 1.1),
)
_INTENSITY: tuple[Intensity, ...] = (
    AdditiveNoise(probability=0.2, sigma=(1e-4, 1e-3)),
    Blur(probability=0.2, channel_probability=0.5, sigma_voxels=(0.0, 1.0)),
    MultiplicativeNoise(probability=0.2, sigma=(1e-4, 1e-3)),
    MotionGhosting(probability=0.2, strength=(0.85, 0.95), repetitions=(2, 10)),
    GibbsRinging(probability=0.2, kept_lines=(96, 128), of_lines=128),
    LowResolution(probability=0.2, channel_probability=0.5, axis_probability=0.33, zoom=(0.5, 1.0)),
    BiasField(probability=0.33),
    Gamma(probability=0.2, inverted_probability=0.05, gamma=(0.5, 2.0)),
)

#: By the name in the config. "basic" is the reference's for finetuning: rotation and scale, nothing else.
PRESETS = {
    "all": Preset(spatial=_SPATIAL, intensity=_INTENSITY),
    "spatial": Preset(spatial=_SPATIAL),
    "basic": Preset(spatial=replace(_SPATIAL, elastic_probability=0.0)),
    "none": Preset(),
}


def find_preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    CallError
        If there is none of that name.
    """
    if name not in PRESETS:
        msg = f"augmentation {name!r} is unknown: choose one of {', '.join(PRESETS)}"
        raise CallError(msg)
    return PRESETS[name]
