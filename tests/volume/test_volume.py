"""The thing that preprocessing steps pass along, and how a volume is turned down."""

import numpy as np

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Volume

DATA = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
VOLUME = Volume(DATA, np.eye(4), (1.0, 1.0, 1.0))


def test_numpy_takes_a_volume() -> None:
    assert np.array_equal(np.asarray(VOLUME), DATA)
    assert np.asarray(VOLUME, dtype=np.float64).dtype == np.float64


def test_shape() -> None:
    assert VOLUME.shape == (2, 3, 4)


def test_foreground_fraction() -> None:
    assert VOLUME.foreground_fraction is None
    half = Volume(DATA, np.eye(4), (1.0, 1.0, 1.0), foreground=DATA >= 12)
    assert half.foreground_fraction == 0.5


def test_a_refusal_says_why() -> None:
    refusal = RefusalError(Code.E_SIZE, "declares 5, holds 4")
    assert str(refusal) == f"{Code.E_SIZE.sentence} declares 5, holds 4"
    assert str(RefusalError(Code.E_ZERO)) == Code.E_ZERO.sentence
