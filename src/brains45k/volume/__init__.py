"""One volume: read it, judge it, and preprocess it."""

from brains45k.volume.preprocess import Preprocessing, preprocess
from brains45k.volume.read import read_image
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Volume

__all__ = ["Preprocessing", "RefusalError", "Volume", "preprocess", "read_image"]
