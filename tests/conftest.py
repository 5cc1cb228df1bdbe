"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in each run, however slow the machine.
settings.register_profile("brains45k", deadline=None, derandomize=True, database=None)
settings.load_profile("brains45k")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_volumes() -> Path:
    """Give the developers' folder of real volumes, which lies beside the repository."""
    folder = ROOT.parent / "shared" / "volumes"
    if not folder.is_dir():
        pytest.skip(f"the real volumes are not here: {folder} does not exist")
    return folder
