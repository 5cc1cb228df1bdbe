"""The peer's side: preprocess NIfTI files with Yucca itself. Runs in Yucca's environment, called by run.py."""

import argparse
import json
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from yucca.functional.preprocessing import (  # type: ignore[import-not-found]
    preprocess_case_for_training_without_label,
)
from yucca.functional.testing.data.nifti import (  # type: ignore[import-not-found]
    verify_nifti_header_is_valid,
    verify_orientation_is_LR_PA_IS,
)
from yucca.functional.utils.loading import read_file_to_nifti_or_np  # type: ignore[import-not-found]
from yucca.functional.utils.nib_utils import reorient_to_RAS  # type: ignore[import-not-found]

_PACKAGES = ("yucca", "scikit-image", "scipy", "numpy", "nibabel", "torch")


def preprocess(path: str) -> npt.NDArray[np.float32]:
    """Do what Yucca's UnsupervisedPreprocessor does to one file under the plans of UnsupervisedPlannerUnitSpacing.

    Returns
    -------
    numpy.ndarray
        x, y, z, float32, as Yucca writes it to its .npy file.
    """
    image = read_file_to_nifti_or_np(path)
    # Yucca refuses permuted axes and tells the user to reorient such scans beforehand, with this function.
    if verify_nifti_header_is_valid(image) and not verify_orientation_is_LR_PA_IS(image):
        image = reorient_to_RAS(image)
    images, _ = preprocess_case_for_training_without_label(
        images=[image],
        normalization_operation=["volume_wise_znorm"],
        background_pixel_value=0,
        crop_to_nonzero=True,
        image_properties={},
        intensities=None,
        target_orientation="RAS",
        target_spacing=[1.0, 1.0, 1.0],
        transpose=[0, 1, 2],
    )
    return np.asarray(images[0], dtype=np.float32)


def measure(path: str, target: Path, *, repeats: int) -> dict[str, Any]:
    """Preprocess a file several times, save the voxels, and return the CPU seconds of each time, or the error."""
    cpu_seconds = []
    try:
        for _ in range(repeats):
            start = time.process_time()
            voxels = preprocess(path)
            cpu_seconds.append(time.process_time() - start)
    # Whatever stops Yucca is a line of the report, not the end of the run.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    np.save(target, voxels)
    return {"cpu_seconds": cpu_seconds}


def main() -> None:
    """Read a JSON list of files, write ``0.npy``, ``1.npy``, ... and ``peer.json`` into the output folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path, help="JSON list of NIfTI files")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--repeats", type=int, default=3)
    call = parser.parse_args()
    # Yucca warns of each volume whose first voxel is not its smallest; that is the volume's nature.
    warnings.simplefilter("ignore")
    files = json.loads(call.list.read_text())
    results = [measure(path, call.out / f"{number}.npy", repeats=call.repeats) for number, path in enumerate(files)]
    versions = {package: version(package) for package in _PACKAGES}
    (call.out / "peer.json").write_text(json.dumps({"versions": versions, "results": results}, indent=2))


if __name__ == "__main__":
    main()
