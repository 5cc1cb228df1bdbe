"""What the tests of training share."""

from importlib import import_module
from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Leave the other cores to other tests: torch's threads would wait for them, and keep them busy with that."""
    if find_spec("torch"):
        import_module("torch").set_num_threads(1)
