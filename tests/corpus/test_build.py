"""What makes a build: parameters and code, and nothing else."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import brains45k.volume
from brains45k.corpus.build import code_fingerprint, make_recipe, module_fingerprint
from brains45k.errors import CallError

PARAMETERS: dict[str, object] = {"preset": "paper", "spacing_mm": 1.0, "clip_percentile": 99.0, "foreground": "nonzero"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that reads and preprocesses, under another name."""
    folder = tmp_path / "copied_volume"
    shutil.copytree(Path(brains45k.volume.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[name]


def fingerprint(*names: str) -> str:
    module_fingerprint.cache_clear()
    return module_fingerprint(*names)


def test_the_same_code_has_the_same_fingerprint(package: Path) -> None:
    assert fingerprint("copied_volume") == fingerprint("copied_volume") == fingerprint("brains45k.volume")
    assert len(fingerprint("copied_volume")) == 16


def test_any_edit_changes_the_fingerprint(package: Path) -> None:
    seen = {fingerprint("copied_volume")}
    modules = sorted(package.glob("*.py"))
    for module in modules:
        module.write_text(module.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
        seen.add(fingerprint("copied_volume"))
    assert len(seen) == len(modules) + 1


def test_an_added_removed_or_renamed_module_changes_the_fingerprint(package: Path) -> None:
    before = fingerprint("copied_volume")
    added = package / "added.py"
    added.write_text("", encoding="utf-8")
    with_empty = fingerprint("copied_volume")
    # The order of the modules stays: the name itself has to count.
    added.rename(package / "adder.py")
    assert len({before, with_empty, fingerprint("copied_volume")}) == 3
    (package / "adder.py").unlink()
    assert fingerprint("copied_volume") == before


def test_a_module_stands_for_itself_alone(package: Path) -> None:
    before = fingerprint("copied_volume.geometry")
    (package / "intensity.py").write_text("", encoding="utf-8")
    assert fingerprint("copied_volume.geometry") == before
    (package / "geometry.py").write_text("", encoding="utf-8")
    assert fingerprint("copied_volume.geometry") != before


def test_other_files_do_not_count(package: Path) -> None:
    before = fingerprint("copied_volume")
    (package / "notes.txt").write_text("", encoding="utf-8")
    assert fingerprint("copied_volume") == before


@pytest.mark.parametrize(
    ("key", "value"), [("preset", "reference"), ("spacing_mm", 2.0), ("clip_percentile", 99.5), ("foreground", "otsu")]
)
def test_each_parameter_changes_the_build(key: str, value: object) -> None:
    assert make_recipe(PARAMETERS | {key: value}).build_id != make_recipe(PARAMETERS).build_id


def test_the_code_changes_the_build() -> None:
    recipe = make_recipe(PARAMETERS)
    assert recipe.code == code_fingerprint()
    assert type(recipe)(recipe.preprocessing, "another").build_id != recipe.build_id


def test_the_order_of_parameters_does_not() -> None:
    assert make_recipe(dict(reversed(PARAMETERS.items()))).build_id == make_recipe(PARAMETERS).build_id


def test_a_recipe_describes_itself() -> None:
    recipe = make_recipe(PARAMETERS)
    assert json.loads(recipe.describe()) == {"preprocessing": PARAMETERS, "code": recipe.code}
    assert len(recipe.build_id) == 12


def test_an_unknown_preset_is_told() -> None:
    with pytest.raises(CallError, match="preset 'papers' does not exist; choose one of paper, reference"):
        make_recipe(PARAMETERS | {"preset": "papers"})


def test_a_whole_number_is_the_same_parameter() -> None:
    assert make_recipe(PARAMETERS | {"spacing_mm": 1}).build_id == make_recipe(PARAMETERS).build_id


def test_a_module_is_not_imported_for_its_fingerprint(package: Path) -> None:
    whole = fingerprint("copied_volume.box")
    assert whole != fingerprint("copied_volume.blas")
    assert not {"copied_volume.box", "copied_volume.blas"} & set(sys.modules)
