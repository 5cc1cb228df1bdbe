"""What the process of any training does around it."""

import logging
import warnings
from typing import TextIO


def be_quiet() -> None:
    """Keep Lightning from noting what it found: nothing of that is news to a run whose settings are written out."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")


def say(log: TextIO, line: str) -> None:
    """Write a line into a job's log, at once."""
    log.write(f"{line}\n")
    log.flush()
