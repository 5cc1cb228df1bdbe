"""The preprocessing: an ordered list of small pure steps, in two presets.

``paper`` is the order of the AMAES text (arXiv 2408.00640). ``reference`` is the order of the code that built
BRAINS-45K: Yucca's ``volume_wise_znorm`` at unit spacing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

from nibabel.spatialimages import SpatialImage

from brains45k.errors import CallError
from brains45k.volume.blas import single_blas_thread
from brains45k.volume.geometry import crop, crop_positive, resample
from brains45k.volume.image import Image
from brains45k.volume.intensity import FOREGROUNDS, find_foreground, normalise
from brains45k.volume.loaded import image_from_nibabel
from brains45k.volume.read import read_image
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Volume

#: The steps of each preset after reorientation, in order, by name.
PRESETS: Mapping[str, tuple[str, ...]] = {
    "paper": ("find_foreground", "resample", "normalise", "crop"),
    "reference": ("crop_positive", "find_foreground", "normalise", "resample"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """The parameters of the preprocessing; their names are those of the config.

    Attributes
    ----------
    preset : {"paper", "reference"}
        Which order of steps.
    spacing_mm : float
        Isotropic spacing after resampling.
    clip_percentile : float
        Percentile of the foreground above which intensities are clipped.
    foreground : {"nonzero", "otsu"}
        How the foreground is told from the background.
    """

    preset: str = "paper"
    spacing_mm: float = 1.0
    clip_percentile: float = 99.0
    foreground: str = "nonzero"

    def __post_init__(self) -> None:
        """Refuse a value that no step understands."""
        if self.preset not in PRESETS:
            msg = f"preset {self.preset!r} does not exist; choose one of {', '.join(PRESETS)}."
            raise CallError(msg)
        if self.foreground not in FOREGROUNDS:
            msg = f"foreground {self.foreground!r} does not exist; choose one of {', '.join(FOREGROUNDS)}."
            raise CallError(msg)
        if not 0 < self.spacing_mm < math.inf:
            msg = f"spacing_mm is {self.spacing_mm}; it must be positive."
            raise CallError(msg)
        if not 0 < self.clip_percentile <= 100:  # noqa: PLR2004 - per cent
            msg = f"clip_percentile is {self.clip_percentile}; it must be above 0 and at most 100."
            raise CallError(msg)


def preprocess(
    image: Image | SpatialImage | str | PathLike[str],
    parameters: Preprocessing | None = None,
) -> Volume:
    """Preprocess one 3-D image.

    Parameters
    ----------
    image : Image, nibabel image or path
        A path is read and judged as in the corpus, and a nibabel image like one; an Image has been judged.
    parameters : Preprocessing, optional
        The ``paper`` preset where absent.

    Returns
    -------
    Volume
        Float32, RAS, isotropic, in [0, 1]; the same bytes whatever the number of threads.

    Raises
    ------
    RefusalError
        If the image is damaged, is not 3-D, or has no contrast to normalise.
    """
    return preprocess_oriented(reorient(_as_image(image)), parameters or Preprocessing())


def preprocess_oriented(volume: Volume, parameters: Preprocessing) -> Volume:
    """Preprocess what :func:`brains45k.volume.reorient.reorient` gave; its voxels are taken from it.

    Raises
    ------
    RefusalError
        If there is no contrast to normalise.
    """
    # One BLAS thread: sums are made in one order on every machine, and many jobs do not fight for cores.
    volume = replace(volume, data=volume.take_data())
    with single_blas_thread():
        for step in _steps(parameters):
            volume = step(volume)
    return replace(volume, field=None)


def _steps(settings: Preprocessing) -> list[Callable[[Volume], Volume]]:
    """Bind the parameters to the steps of the preset, in order."""
    steps: dict[str, Callable[[Volume], Volume]] = {
        "find_foreground": partial(find_foreground, method=settings.foreground),
        "resample": partial(resample, spacing_mm=settings.spacing_mm),
        "normalise": partial(normalise, clip_percentile=settings.clip_percentile),
        "crop": crop,
        "crop_positive": crop_positive,
    }
    return [steps[name] for name in PRESETS[settings.preset]]


def _as_image(image: Image | SpatialImage | str | PathLike[str]) -> Image:
    if isinstance(image, Image):
        return image
    if isinstance(image, str | PathLike):
        return read_image(Path(image))
    return image_from_nibabel(image)
