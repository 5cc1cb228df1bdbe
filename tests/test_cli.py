"""The command line: exit codes, errors in one line, and what each command gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from support.levels import as_stored
from support.small_corpus import RAS, SmallCorpus, build, head, write_nifti

import brains45k
from brains45k import __version__, open_corpus
from brains45k.cli import cli
from brains45k.codes import Code
from brains45k.report.picture import draw_volume
from brains45k.volume.preprocess import Preprocessing, preprocess

T1W = "data/sources/tiny/sub-01/sub-01_T1w.nii.gz"
DAMAGED = "data/sources/tiny/sub-03/sub-03_T1w.nii.gz"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallCorpus:
    return build(tmp_path_factory.mktemp("small-corpus"))


@pytest.fixture
def corpus(built: SmallCorpus, monkeypatch: pytest.MonkeyPatch) -> SmallCorpus:
    """The small corpus, in the folder where the command is called."""
    monkeypatch.chdir(built.workdir)
    return built


def run(*arguments: str | Path) -> Result:
    """Run in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, as a shell does."""
    command = [sys.executable, "-c", "from brains45k.cli import main; main()", *map(str, arguments)]
    # The library under test, wherever the command is called.
    environment = os.environ | {"PYTHONPATH": str(Path(brains45k.__file__).parents[1])}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def name_of(corpus: SmallCorpus, path: str) -> str:
    return str(corpus.rows()[path]["volume_id"])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--version"], 0, ""),
        (["inspect"], 0, ""),
        (["inspect", "--manifest", "none.parquet"], 1, "brains45k: none.parquet: no such file."),
        (["inspect", "tinny"], 1, "no source 'tinny'; it holds frames, tiny."),
        (["explain", "no-such-file"], 1, "brains45k: no-such-file: no candidate of that name."),
        (["preprocess", DAMAGED, "OUT.npy"], 1, f"{DAMAGED}: E_GZ_TRUNC: {Code.E_GZ_TRUNC.sentence}"),
        (["preprocess", T1W, "OUT.txt"], 2, "brains45k: OUT.txt: the name must end in .nii.gz or .npy."),
        (["show", "no-such-volume"], 2, "brains45k: no-such-volume: the corpus keeps no volume of this name"),
    ],
)
def test_exit_codes_and_one_line_errors(corpus: SmallCorpus, arguments: list[str], code: int, text: str) -> None:
    done = call(*arguments)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == (code != 0)
    assert bool(done.stdout) is (code == 0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["preprocess", "none.nii", "OUT.npy"], "File 'none.nii' does not exist"),
        (["preprocess", "data", "OUT.npy"], "File 'data' is a directory"),
        (["preprocess", T1W], "Missing argument 'OUT'"),
        (["preprocess", T1W, "OUT.npy", "--preset", "papers"], "'papers' is not one of 'paper', 'reference'"),
        (["preprocess", T1W, "OUT.npy", "--spacing-mm", "0"], "0.0 is not in the range"),
        (["preprocess", T1W, "OUT.npy", "--clip-percentile", "101"], "101.0 is not in the range"),
        (["inspect", "--jsn"], "No such option"),
        (["inspekt"], "No such command"),
    ],
)
def test_a_wrong_call_is_a_usage_error(corpus: SmallCorpus, arguments: list[str], text: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "Usage: " in result.stderr
    assert not Path("OUT.npy").exists()


def test_help_names_every_command() -> None:
    text = run("-h").stdout
    assert all(command in text for command in ("preprocess", "inspect", "show", "explain", "codes"))
    assert run("--version").stdout.strip().endswith(__version__)


def test_codes_are_listed_with_their_sentences() -> None:
    lines = run("codes").stdout.splitlines()
    assert len(lines) == len(Code)
    assert f"E_NAN              {Code.E_NAN.sentence}" in lines


def test_inspect_gives_machines_the_sums(corpus: SmallCorpus) -> None:
    numbers = json.loads(run("inspect", "--json").stdout)
    assert sorted(numbers) == ["frames", "tiny"]
    for found in numbers.values():
        assert found["found"] == found["kept"] + found["excluded"] + found["duplicate"]
        assert sum(found["reasons"].values()) == found["found"] - found["kept"]
    assert sum(found["found"] for found in numbers.values()) == len(corpus.rows()) == 20
    assert json.loads(run("inspect", "tiny", "--json").stdout) == {"tiny": numbers["tiny"]}


def test_inspect_gives_people_a_table(corpus: SmallCorpus) -> None:
    text = run("inspect").stdout
    assert all(word in text for word in ("frames", "tiny", "all", "E_DUP_VOXEL", "S_LAYOUT"))
    assert max(len(line) for line in text.splitlines()) <= 160
    assert "frames" not in run("inspect", "tiny").stdout


def test_inspect_takes_one_sources_manifest(corpus: SmallCorpus) -> None:
    numbers = json.loads(run("inspect", "--json", "--manifest", "manifests/tiny.parquet").stdout)
    assert {name: found["kept"] for name, found in numbers.items()} == {"tiny": 5}


def test_explain_says_why(corpus: SmallCorpus) -> None:
    by_path, by_name = run("explain", T1W), run("explain", name_of(corpus, "sub-01/sub-01_T1w.nii.gz"))
    assert by_path.exit_code == by_name.exit_code == 0
    assert by_path.stdout == by_name.stdout
    assert "  kept, in data/corpus/tiny/tiny-0002.zarr" in by_path.stdout
    assert "E_GZ_TRUNC" in run("explain", DAMAGED).stdout


def test_show_draws_the_volume(corpus: SmallCorpus, tmp_path: Path) -> None:
    name = name_of(corpus, "sub-01/sub-01_T1w.nii.gz")
    result = run("show", name, "--out", tmp_path / "a.png")
    assert result.stdout.strip() == str(tmp_path / "a.png")
    draw_volume(open_corpus(corpus.manifest).volume(name), tmp_path / "b.png", title=f"{name}  80 x 80 x 80")
    shown, drawn = (np.asarray(Image.open(tmp_path / picture)) for picture in ("a.png", "b.png"))
    np.testing.assert_array_equal(shown, drawn)
    assert shown.max() == 255


def test_show_names_the_picture_after_the_volume(
    corpus: SmallCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = name_of(corpus, "sub-01/sub-01_T1w.nii.gz")
    assert run("show", name, "--manifest", corpus.manifest).stdout.strip() == f"{name}.png"
    assert (tmp_path / f"{name}.png").is_file()


@pytest.mark.parametrize("out", ["picture.xyz", "no-such-folder/picture.png"])
def test_show_tells_in_one_line_what_cannot_be_written(corpus: SmallCorpus, tmp_path: Path, out: str) -> None:
    done = call("show", name_of(corpus, "sub-01/sub-01_T1w.nii.gz"), "--out", tmp_path / out)
    assert done.returncode == 2
    assert done.stderr.startswith("brains45k: ")
    assert len(done.stderr.splitlines()) == 1


def test_preprocess_gives_what_the_corpus_holds(corpus: SmallCorpus, tmp_path: Path) -> None:
    stored = open_corpus(corpus.manifest).volume(name_of(corpus, "sub-01/sub-01_T1w.nii.gz"))
    for name in ("out.npy", "out.nii.gz"):
        assert run("preprocess", T1W, tmp_path / name).exit_code == 0
    np.testing.assert_array_equal(as_stored(np.load(tmp_path / "out.npy")), stored.data)
    image = nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(as_stored(np.asarray(image.dataobj, np.float32)), stored.data)
    np.testing.assert_array_equal(image.affine, stored.affine)
    assert image.header.get_zooms() == (1, 1, 1)


def test_preprocess_obeys_its_options(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", head(1))
    options = ("--preset", "reference", "--spacing-mm", "2", "--clip-percentile", "95", "--foreground", "otsu")
    assert run("preprocess", path, tmp_path / "out.npy", *options).exit_code == 0
    expected = preprocess(path, Preprocessing(preset="reference", spacing_mm=2, clip_percentile=95, foreground="otsu"))
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected.data)


def test_preprocess_tells_repairs_and_flags(tmp_path: Path) -> None:
    voxels = head(1)
    voxels[10, 10, 10] = -7
    path = write_nifti(tmp_path / "a.nii", voxels, RAS)
    result = run("preprocess", path, tmp_path / "out.npy")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{path}: F_NEGATIVE: {Code.F_NEGATIVE.sentence} down to -7\n"


def test_preprocess_refuses_its_target_before_any_work(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", head(1))
    done = call("preprocess", path, tmp_path / "none/out.npy")
    assert done.returncode == 2
    assert f"the folder {tmp_path / 'none'} does not exist. Make it first." in done.stderr


def test_preprocess_writes_the_same_bytes_every_time(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", head(1))
    for name in ("one.nii.gz", "two.nii.gz"):
        run("preprocess", path, tmp_path / name)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_show_draws_in_the_terminal_where_that_is_asked(corpus: SmallCorpus) -> None:
    name = next(row["volume_id"] for row in corpus.rows().values() if row["status"] == "kept")
    drawn = run("show", name, "--inline", "256")
    assert drawn.exit_code == 0
    assert "\N{UPPER HALF BLOCK}" in drawn.stdout
    assert "\N{UPPER HALF BLOCK}" not in run("show", name).stdout
