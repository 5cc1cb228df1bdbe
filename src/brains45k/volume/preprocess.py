"""The preprocessing: an ordered list of small pure steps, in two presets.

``paper`` is the order of the AMAES text (arXiv 2408.00640). ``reference`` is the order of the code that built
BRAINS-45K: Yucca's ``volume_wise_znorm`` at unit spacing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np
from nibabel.spatialimages import SpatialImage

from brains45k.errors import CallError
from brains45k.volume.blas import single_blas_thread
from brains45k.volume.box import box_of, moved
from brains45k.volume.geometry import crop, crop_positive, resample
from brains45k.volume.image import Image
from brains45k.volume.intensity import FOREGROUNDS, find_foreground, normalise
from brains45k.volume.loaded import image_from_nibabel
from brains45k.volume.read import read_image
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Affine, Shape, Volume, Voxels

#: The steps of each preset after reorientation, in order, by name.
PRESETS: Mapping[str, tuple[str, ...]] = {
    "paper": ("find_foreground", "resample", "normalise", "crop"),
    "reference": ("crop_positive", "find_foreground", "normalise", "resample"),
}


_ORIGIN = (0, 0, 0)


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


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Several images of one head, preprocessed onto one grid.

    Attributes
    ----------
    data : sequence of numpy.ndarray
        x, y, z, float32, in [0, 1]; one array per image, all of one shape.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres, of the first image.
    field_start, field_shape : tuple of int
        The part of the images in RAS that was resampled, in their voxels.
    resampled_shape : tuple of int
        Of that part afterwards.
    crop_start : tuple of int
        The voxel of that at which ``data`` begins.
    """

    data: Sequence[Voxels]
    affine: Affine
    field_start: Shape
    field_shape: Shape
    resampled_shape: Shape
    crop_start: Shape


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


def preprocess_together(volumes: Sequence[Volume], parameters: Preprocessing) -> Together:
    """Preprocess images that lie on one grid, each by the same steps as alone, and crop them to one box.

    The box is that of all foregrounds (``paper``), or Yucca's box of the first image (``reference``). One image alone
    comes out as :func:`preprocess_oriented` gives it.

    Parameters
    ----------
    volumes : sequence of Volume
        From :func:`brains45k.volume.reorient.reorient`, of one field; their voxels are taken from them.
    parameters : Preprocessing
        The same for all.

    Raises
    ------
    RefusalError
        If one of the images has no contrast to normalise.
    ValueError
        If the images do not lie on one grid.
    """
    parts = [replace(volume, data=volume.take_data()) for volume in volumes]
    field, field_start = _field_of(parts[0]), _ORIGIN
    if any(_field_of(part) != field for part in parts):
        msg = "the images do not lie on one grid"
        raise ValueError(msg)
    steps = _steps_by_name(parameters)
    with single_blas_thread():
        for name in PRESETS[parameters.preset]:
            if name == "resample":
                field_start, field = parts[0].crop_start, _field_of(parts[0])
            parts = _CROPS_TOGETHER[name](parts) if name in _CROPS_TOGETHER else [steps[name](part) for part in parts]
    whole = parts[0].field is not None
    return Together(
        data=[part.data for part in parts],
        affine=parts[0].affine,
        field_start=_ORIGIN if whole else field_start,
        field_shape=field,
        resampled_shape=_field_of(parts[0]),
        crop_start=parts[0].crop_start if whole else _ORIGIN,
    )


def _field_of(volume: Volume) -> Shape:
    return volume.shape if volume.field is None else volume.field.shape


def _crop_to_foregrounds(parts: Sequence[Volume]) -> list[Volume]:
    """Crop normalised images to the smallest box of the field that holds every image's foreground."""
    boxes = [(part.crop_start, box_of(part.foreground, above=False)) for part in parts if part.foreground is not None]
    first = [[start + side.start for start, side in zip(origin, box, strict=True)] for origin, box in boxes]
    last = [[start + side.stop for start, side in zip(origin, box, strict=True)] for origin, box in boxes]
    x, y, z = np.min(first, axis=0).tolist()
    shape = (np.max(last, axis=0) - (x, y, z)).tolist()
    # What was trimmed is the smallest value, which has become 0.
    return [_window(part, (x, y, z), shape, outside=0.0) for part in parts]


def _crop_to_first(parts: Sequence[Volume]) -> list[Volume]:
    """Crop to Yucca's box of the first image, which is all there is of any of them from here on."""
    first = crop_positive(parts[0])
    others = (_window(part, first.crop_start, first.shape, outside=part.background) for part in parts[1:])
    return [first, *(replace(other, field=None) for other in others)]


_CROPS_TOGETHER: Mapping[str, Callable[[Sequence[Volume]], list[Volume]]] = {
    "crop": _crop_to_foregrounds,
    "crop_positive": _crop_to_first,
}


def _window(volume: Volume, start: Shape, shape: Sequence[int], *, outside: float) -> Volume:
    """Cut a box of the field out of a volume that is a part of it; the rest of the box gets one value."""
    first = np.subtract(start, volume.crop_start)
    low, high = np.maximum(first, 0), np.minimum(first + shape, volume.shape)
    data = np.full(shape, outside, np.float32)
    if (low < high).all():
        source = tuple(slice(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True))
        target = tuple(slice(*ends) for ends in zip((low - first).tolist(), (high - first).tolist(), strict=True))
        data[target] = volume.data[source]
    x, y, z = first.tolist()
    return replace(volume, data=data, affine=moved(volume.affine, (x, y, z)), foreground=None, crop_start=start)


def _steps(settings: Preprocessing) -> list[Callable[[Volume], Volume]]:
    """Bind the parameters to the steps of the preset, in order."""
    steps = _steps_by_name(settings)
    return [steps[name] for name in PRESETS[settings.preset]]


def _steps_by_name(settings: Preprocessing) -> dict[str, Callable[[Volume], Volume]]:
    return {
        "find_foreground": partial(find_foreground, method=settings.foreground),
        "resample": partial(resample, spacing_mm=settings.spacing_mm),
        "normalise": partial(normalise, clip_percentile=settings.clip_percentile),
        "crop": crop,
        "crop_positive": crop_positive,
    }


def _as_image(image: Image | SpatialImage | str | PathLike[str]) -> Image:
    if isinstance(image, Image):
        return image
    if isinstance(image, str | PathLike):
        return read_image(Path(image))
    return image_from_nibabel(image)
