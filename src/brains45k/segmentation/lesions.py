"""Lesions found and missed: detection, where Dice is about extent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from brains45k.volume.volume import Mask

# Voxels that share a face, an edge or a corner are one lesion: connectivity 26.
_NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionCounts:
    """How many lesions there are and how many were found.

    Attributes
    ----------
    true, predicted : int
        Lesions of the truth and of the prediction.
    found : int
        True lesions of which at least one voxel is predicted.
    false : int
        Predicted lesions of which no voxel is true.
    """

    true: int
    predicted: int
    found: int
    false: int

    @property
    def recall(self) -> float | None:
        """Share of the true lesions that were found; None if there are none."""
        return self.found / self.true if self.true else None

    @property
    def precision(self) -> float | None:
        """Share of the predicted lesions that touch a true one; None if there are none."""
        return (self.predicted - self.false) / self.predicted if self.predicted else None

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN) of TP found, FN missed and FP false lesions; None if there is no lesion at all.

        As the ISLES'22 challenge has it (ezequieldlrosa/isles22, utils/eval_utils.py, also connectivity 26), but for
        its 1 where there is no lesion at all. The WMH challenge (hjkuijf/wmhchallenge, evaluation.py, also
        connectivity 26) takes the harmonic mean of :attr:`precision` and :attr:`recall`, each 1 where it has nothing
        to count. The two agree unless a lesion of one mask touches several of the other: TP is counted in true
        lesions alone here, and in the lesions of either mask there.
        """
        missed = self.true - self.found
        counted = 2 * self.found + self.false + missed
        return 2 * self.found / counted if counted else None


def count_lesions(truth: Mask, prediction: Mask) -> LesionCounts:
    """Count the lesions of two masks: their connected components, of voxels that share a face, an edge or a corner.

    Parameters
    ----------
    truth, prediction : numpy.ndarray of bool
        x, y, z on one grid.
    """
    true_lesions, true = _components(truth)
    predicted_lesions, predicted = _components(prediction)
    common = truth & prediction
    return LesionCounts(
        true=true,
        predicted=predicted,
        found=len(np.unique(true_lesions[common])),
        false=predicted - len(np.unique(predicted_lesions[common])),
    )


def _components(mask: Mask) -> tuple[npt.NDArray[Any], int]:
    numbers, count = ndimage.label(mask, structure=_NEIGHBOURS)
    return numbers, int(count)
