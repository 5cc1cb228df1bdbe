"""What every script of the workflow does around its one call: a log, and errors in one line."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from brains45k.errors import BrainsError


@contextmanager
def job_log(path: str, *, fresh: bool = True) -> Iterator[TextIO]:
    """Open a job's log; an error on purpose ends the job with its line, any other with a traceback in the log.

    Parameters
    ----------
    path : str
        The log.
    fresh : bool
        False for the processes that a job starts: they go on in the job's log.
    """
    if fresh:
        Path(path).write_bytes(b"")
    # Appended to, so that a job and its processes do not write over each other.
    with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as log:
        try:
            yield log
        except BrainsError as error:
            log.write(f"{error}\n")
            sys.exit(f"brains45k: {error}")
        except Exception:
            log.write(traceback.format_exc())
            raise


def source_root(config: Mapping[str, Any], source: str) -> Path:
    """Return the folder of a source, as the config names it."""
    return Path(config["sources"][source]["root"]).expanduser()
