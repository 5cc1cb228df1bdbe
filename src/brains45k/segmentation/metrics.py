"""How well a prediction fits the truth in one region of one case.

Surface distances are MONAI's. A mask's surface are its voxels that share a face with one outside it; what lies beyond
the image is outside. A distance is that from the middle of a surface voxel to the nearest one of the other surface.
``hd95_mm`` is the larger of the two 95th percentiles, of truth to prediction and of prediction to truth; ``nsd_1mm``
is the share of all surface voxels of both masks whose distance is at most 1 mm.

Conventions
-----------
Ignored voxels are taken out of both masks before anything is measured.

======================  ====================  =====================================  ===================
region                  in neither mask       in one of them only                    in both
======================  ====================  =====================================  ===================
dice, nsd_1mm           None                  0                                      as defined
hd95_mm                 None                  diagonal of the image's field of view  as defined
volume_difference_ml    0                     as defined                             as defined
volume_difference_share None                  None without truth, else -1            as defined
lesion_f1               None                  0                                      as defined
======================  ====================  =====================================  ===================

A mean over cases leaves out what is None, as the reference's does (yucca 1.1.7 takes the nanmean of its Dice). The
diagonal is a bound that no distance within the image exceeds: a miss is never better than any hit.
"""

import math
import warnings
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from brains45k.segmentation.lesions import count_lesions
from brains45k.segmentation.scores import Score
from brains45k.volume.box import box_of
from brains45k.volume.volume import Mask

_PERCENTILE = 95
_TOLERANCE_MM = 1.0
# A turned header gives voxels of 1.0000001 mm for 1 mm; their neighbours are within 1 mm of each other all the same.
_SLACK_MM = 1e-4
_ML_PER_MM3 = 1e-3

Spacing = tuple[float, float, float]

#: What a reader of the scores has to know.
CONVENTIONS: Final = MappingProxyType(
    {
        "grid": "the original image's; voxels that the task ignores are taken out of both masks",
        "in neither mask": "dice, hd95_mm, nsd_1mm, volume_difference_share and lesion_f1 null, volume difference 0",
        "in one mask only": "dice, nsd_1mm and lesion_f1 0, hd95_mm the diagonal of the image's field of view",
        "volume_difference_share": "null where the truth is empty",
        "hd95_mm": "the larger of the 95th percentiles of the two directed surface distances",
        "nsd_1mm": "share of both surfaces' voxels within 1 mm of the other surface",
        "lesion_f1": "2 TP / (2 TP + FP + FN) over components of connectivity 26; one common voxel finds a lesion",
        "means": "over the cases where a value is not null",
    }
)


def score_region(
    truth: Mask, prediction: Mask, *, ignored: Mask, spacing_mm: Spacing, with_lesions: bool = False
) -> Score:
    """Measure one region of one case.

    Parameters
    ----------
    truth, prediction : numpy.ndarray of bool
        x, y, z on the original grid.
    ignored : numpy.ndarray of bool
        Voxels that count nowhere.
    spacing_mm : tuple of float
        Along x, y and z of the masks.
    with_lesions : bool
        Whether to count lesions.

    Returns
    -------
    Score
        None stands where a measure is undefined; see the module's table.

    Raises
    ------
    ValueError
        If the masks' shapes differ.
    """
    if not truth.shape == prediction.shape == ignored.shape:
        msg = f"masks have the shapes {truth.shape}, {prediction.shape} and {ignored.shape}, expected one shape"
        raise ValueError(msg)
    diagonal_mm = math.hypot(*np.multiply(truth.shape, spacing_mm))
    truth, prediction = truth & ~ignored, prediction & ~ignored
    # Exact: outside the box both masks are empty, and beyond an array's end the measures see emptiness too. So
    # surfaces, distances and components are the same voxels.
    box = box_of(truth | prediction, above=False)
    truth, prediction = truth[box], prediction[box]
    true_voxels, predicted_voxels = int(truth.sum()), int(prediction.sum())
    hd95_mm, nsd_1mm = _compare_surfaces(truth, prediction, spacing_mm=spacing_mm, diagonal_mm=diagonal_mm)
    lesions = count_lesions(truth, prediction) if with_lesions else None
    extra_voxels = predicted_voxels - true_voxels
    return Score(
        truth_voxels=true_voxels,
        prediction_voxels=predicted_voxels,
        dice=_dice(truth, prediction),
        hd95_mm=hd95_mm,
        nsd_1mm=nsd_1mm,
        volume_difference_ml=extra_voxels * math.prod(spacing_mm) * _ML_PER_MM3,
        volume_difference_share=extra_voxels / true_voxels if true_voxels else None,
        lesion_f1=lesions.f1 if lesions else None,
        lesions_found=lesions.found if lesions else None,
        lesions_true=lesions.true if lesions else None,
        lesions_predicted=lesions.predicted if lesions else None,
    )


def _dice(truth: Mask, prediction: Mask) -> float | None:
    both = int(truth.sum()) + int(prediction.sum())
    return 2 * int((truth & prediction).sum()) / both if both else None


def _compare_surfaces(
    truth: Mask, prediction: Mask, *, spacing_mm: Spacing, diagonal_mm: float
) -> tuple[float | None, float | None]:
    """Return the 95th percentile of the distances in mm, and the share of the surfaces within the tolerance."""
    present = truth.any(), prediction.any()
    if not any(present):
        return None, None
    if not all(present):
        return diagonal_mm, 0.0
    # MONAI takes sample, channel, x, y, z.
    predicted, true = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (prediction, truth))
    terms: dict[str, Any] = {"include_background": True, "spacing": list(spacing_mm)}
    with warnings.catch_warnings():
        # MONAI 1.5 and 1.6 warn of an argument that they give themselves; 1.7 is to be without it.
        warnings.filterwarnings("ignore", ".*always_return_as_numpy", FutureWarning)
        hd95 = compute_hausdorff_distance(predicted, true, percentile=_PERCENTILE, **terms)
        nsd = compute_surface_dice(predicted, true, class_thresholds=[_TOLERANCE_MM + _SLACK_MM], **terms)
    return hd95.item(), nsd.item()
