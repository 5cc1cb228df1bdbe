"""Yucca's own preprocessing, called as the code behind BRAINS-45K calls it; for peers' environments alone.

Speed and fidelity are measured against one and the same call.
"""

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
from yucca.functional.utils.nib_utils import reorient_to_RAS  # type: ignore[import-not-found]

_SPACING_MM = (1.0, 1.0, 1.0)


def preprocess_image(
    image: Any, *, normalise: str = "volume_wise_znorm", crop: bool = True
) -> npt.NDArray[np.floating[Any]]:
    """Do what Yucca's UnsupervisedPreprocessor does under the plans of UnsupervisedPlannerUnitSpacing.

    Parameters
    ----------
    image : nibabel image
        As Yucca's ``read_file_to_nifti_or_np`` gives it.
    normalise, crop
        What these plans ask for; other values leave a step out.

    Returns
    -------
    numpy.ndarray
        x, y, z.
    """
    # Yucca refuses permuted axes and tells the user to reorient such scans beforehand, with this function.
    if verify_nifti_header_is_valid(image) and not verify_orientation_is_LR_PA_IS(image):
        image = reorient_to_RAS(image)
    images, _ = preprocess_case_for_training_without_label(
        images=[image],
        normalization_operation=[normalise],
        background_pixel_value=0,
        crop_to_nonzero=crop,
        image_properties={},
        intensities=None,
        target_orientation="RAS",
        target_spacing=list(_SPACING_MM),
        transpose=[0, 1, 2],
    )
    return np.asarray(images[0])
