"""The paper's networks, and their weights from and to files."""

from brains45k.networks.checkpoints import LoadReport, load_weights, read_metadata, save_weights
from brains45k.networks.create import HEADS, NAMES, Options, create

__all__ = ["HEADS", "NAMES", "LoadReport", "Options", "create", "load_weights", "read_metadata", "save_weights"]
