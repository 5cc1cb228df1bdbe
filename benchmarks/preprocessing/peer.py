"""The peers' side: from a NIfTI file to a stored volume, as each peer's own code or documentation does it.

Runs in the peers' environment and answers bench.py. All write float32 with ``numpy.save``, as Yucca does.
"""

import logging
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the name that all its users know
import torch
from common import serve
from preprocessing.footprint import peak_bytes_of

Array = npt.NDArray[Any]

_PACKAGES = (
    "yucca", "nnunetv2", "torchio", "monai", "torch", "simpleitk", "scikit-image", "scipy", "numpy", "nibabel",
)  # fmt: skip
_SPACING_MM = (1.0, 1.0, 1.0)


def prepare_yucca() -> Callable[[str], Array]:
    """Return what Yucca's UnsupervisedPreprocessor does under the plans of UnsupervisedPlannerUnitSpacing."""
    from yucca.functional.utils.loading import (  # type: ignore[import-not-found]  # noqa: PLC0415
        read_file_to_nifti_or_np,
    )
    from yucca_peer import preprocess_image  # noqa: PLC0415

    def preprocess(path: str) -> Array:
        # Yucca stores an axis of channels before the others.
        return preprocess_image(read_file_to_nifti_or_np(path))[None].astype(np.float32)

    return preprocess


def prepare_nnunet() -> Callable[[str], Array]:
    """Return nnU-Net's default steps in its order: crop to nonzero, z-normalise, resample as the default plan says."""
    from nnunetv2.preprocessing.cropping.cropping import (  # type: ignore[import-not-found]  # noqa: PLC0415
        crop_to_nonzero,
    )
    from nnunetv2.preprocessing.normalization.default_normalization_schemes import (  # type: ignore[import-not-found]  # noqa: PLC0415
        ZScoreNormalization,
    )
    from nnunetv2.preprocessing.resampling.default_resampling import (  # type: ignore[import-not-found]  # noqa: PLC0415
        compute_new_shape,
        resample_data_or_seg_to_shape,
    )

    def preprocess(path: str) -> Array:
        image = sitk.ReadImage(path)
        spacing = image.GetSpacing()[::-1]
        data, _, _ = crop_to_nonzero(sitk.GetArrayFromImage(image)[None].astype(np.float32))
        data[0] = ZScoreNormalization(use_mask_for_norm=False, intensityproperties={}).run(data[0])
        shape = compute_new_shape(data.shape[1:], spacing, _SPACING_MM)
        return resample_data_or_seg_to_shape(
            data, shape, spacing, _SPACING_MM, is_seg=False, order=3, order_z=0, force_separate_z=None
        )

    return preprocess


def prepare_torchio() -> Callable[[str], Array]:
    """Return TorchIO's steps; it crops to no foreground without a mask."""
    import torchio  # noqa: PLC0415

    steps = torchio.Compose(
        [
            torchio.ToCanonical(),
            torchio.Resample(1, image_interpolation="bspline"),
            torchio.ZNormalization(masking_method=torchio.ZNormalization.mean),
        ]
    )
    return lambda path: steps(torchio.ScalarImage(path)).numpy()


def prepare_monai() -> Callable[[str], Array]:
    """Return MONAI's steps, with a cubic spline in place of its linear interpolation."""
    from monai import transforms  # noqa: PLC0415

    steps = transforms.Compose(
        [
            transforms.LoadImage(ensure_channel_first=True),
            transforms.Orientation(axcodes="RAS"),
            transforms.Spacing(pixdim=_SPACING_MM, mode=3, padding_mode="mirror"),
            transforms.CropForeground(),
            transforms.NormalizeIntensity(nonzero=True),
        ]
    )
    return lambda path: steps(path).numpy()


#: How to get each peer ready: what it imports counts as the interpreter's memory, and as no volume's time.
PEERS: dict[str, Callable[[], Callable[[str], Array]]] = {
    "Yucca": prepare_yucca,
    "nnU-Net": prepare_nnunet,
    "TorchIO": prepare_torchio,
    "MONAI": prepare_monai,
}
_ready: dict[str, Callable[[str], Array]] = {}


def write(peer: str, source: str, target: str) -> dict[str, Any]:
    """Preprocess a file and store it; return the CPU seconds, or the error that stops the peer."""
    steps = _get_ready(peer)
    start = time.process_time()
    try:
        _store(steps, source, target)
    # Whatever stops a peer is a line of the report, not the end of the run.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"cpu_seconds": time.process_time() - start}


def peak(peer: str, source: str, target: str) -> int:
    """Preprocess a file and store it; return the peak of this process's memory in bytes."""
    steps = _get_ready(peer)
    return peak_bytes_of(lambda: _store(steps, source, target))


def versions() -> dict[str, str]:
    """Return the versions of the peers and of what they call."""
    return {package: version(package) for package in _PACKAGES}


def _get_ready(peer: str) -> Callable[[str], Array]:
    if peer not in _ready:
        _ready[peer] = PEERS[peer]()
    return _ready[peer]


def _store(steps: Callable[[str], Array], source: str, target: str) -> None:
    np.save(target, steps(source).astype(np.float32, copy=False))


if __name__ == "__main__":
    # Yucca warns of each volume whose first voxel is not its smallest; that is the volume's nature.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    serve({"write": write, "peak": peak, "versions": versions})
