"""What the tests of networks share."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def shared_amaes() -> Path:
    """Give the developers' folder of facts about AMAES, which lies beside the repository."""
    folder = Path(__file__).parents[3] / "shared" / "amaes"
    if not folder.is_dir():
        pytest.skip(f"the facts of AMAES are not here: {folder} does not exist")
    return folder


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Trace networks and their gradients as ever, but leave out the compiler of C++, which takes minutes.

    Gives the networks that were asked to be compiled.
    """
    torch = pytest.importorskip("torch")
    usual = torch.nn.Module.compile
    asked: list[Any] = []

    def trace(network: Any) -> None:
        asked.append(network)
        usual(network, backend="aot_eager")

    monkeypatch.setattr(torch.nn.Module, "compile", trace)
    yield asked
    torch.compiler.reset()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Leave the other cores to other tests: torch's threads would wait for them, and keep them busy with that."""
    if find_spec("torch"):
        import_module("torch").set_num_threads(1)
