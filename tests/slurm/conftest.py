"""A real Slurm for the tests of this folder, and clones of the repository whose jobs go there."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from slurm.clone import Clone, copy_tree
from slurm.mini_slurm import mini_slurm, why_not
from support.workspace import Workspace


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Slurm that runs; tests are skipped where there can be none."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with mini_slurm(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Clone]:
    """Give a maker of clones: a target, with overrides of the demo's config, and with places copied from elsewhere."""

    def make(
        target: str = "corpus",
        *,
        overrides: dict[str, object] | None = None,
        source: Workspace | None = None,
        places: tuple[str, ...] = ("data/demo",),
    ) -> Clone:
        folder = tmp_path_factory.mktemp("clone")
        copy_tree(folder)
        if source is not None:
            for place in places:
                shutil.copytree(source.folder / place, folder / place, symlinks=True, dirs_exist_ok=True)
        return Clone(folder, target, overrides or {})

    return make
