"""The commands that need a network: exit codes, errors in one line, and what each gives."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from support.tiny_model import CORE, OTHER, ball, write_model, write_scan

import brains45k
from brains45k.cli import cli, main
from brains45k.networks import create


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A subject's scans and a model, in the folder where the command is called."""
    write_scan(tmp_path / "flair.nii.gz", ball(CORE))
    write_scan(tmp_path / "t1.nii.gz", ball(OTHER))
    write_model(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SEGMENT = ("segment", "flair.nii.gz", "t1.nii.gz", "--checkpoint", "model.safetensors", "--out", "out.nii.gz")


def run(*arguments: str | Path) -> Result:
    """Run in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def call(*arguments: str | Path, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, as a shell does; ``code`` runs first in it."""
    command = [sys.executable, "-c", f"{code}\nfrom brains45k.cli import main; main()", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(brains45k.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_segment_as_a_shell_calls_it(folder: Path) -> None:
    done = call(*SEGMENT, "--device", "cpu", "--mirror")
    assert done.returncode == 0, done.stderr
    labels = np.asarray(nibabel.load("out.nii.gz").dataobj)
    volume_ml = np.count_nonzero(labels == 4) * 1.5 * 1.25 * 2 / 1000
    assert volume_ml > 5
    assert done.stdout == f"out.nii.gz: core {volume_ml:.2f} ml, oedema 0.00 ml\n"
    assert "lesions" in done.stderr
    assert "1/1" in done.stderr


def test_segment_tells_what_was_remarked(folder: Path) -> None:
    scan = nibabel.load("flair.nii.gz")
    voxels = np.asarray(scan.dataobj)
    nibabel.save(nibabel.Nifti1Image(voxels / voxels.max(), scan.affine), "flair.nii.gz")
    result = run(*SEGMENT, "--device", "cpu")
    assert result.exit_code == 0
    assert "flair.nii.gz: F_UNIT_RANGE: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("segment", "flair.nii.gz", *SEGMENT[3:]), 2, "1 images given, 2 needed, in this order: flair, t1."),
        ((*SEGMENT[:-1], "flair.nii.gz"), 2, "flair.nii.gz: is the scan itself"),
        ((*SEGMENT[:-1], "out.nii"), 2, "out.nii: the name must end in .nii.gz."),
        ((*SEGMENT[:3], "--checkpoint", "t1.nii.gz", *SEGMENT[5:]), 1, "t1.nii.gz: is no .safetensors"),
        (("weights", "none.pth"), 1, "none.pth: there is no such file."),
        (("weights", "flair.nii.gz"), 1, "flair.nii.gz: is damaged, or no checkpoint"),
    ],
)
def test_errors_on_purpose(
    *,
    folder: Path,
    arguments: tuple[str, ...],
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["brains45k", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == code, said
    assert text in said
    assert said.startswith("brains45k: ")
    assert len(said.splitlines()) == 1
    assert not Path("out.nii.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("segment", *SEGMENT[3:]), "Missing argument 'IMAGE...'"),
        (SEGMENT[:5], "Missing option '--out'"),
        ((*SEGMENT, "--overlap", "1"), "1.0 is not in the range"),
        ((*SEGMENT, "--device", "tpu"), "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
        (("segment", "none.nii.gz", *SEGMENT[3:]), "File 'none.nii.gz' does not exist"),
    ],
)
def test_a_wrong_call_is_a_usage_error(folder: Path, arguments: tuple[str, ...], text: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr


@pytest.mark.parametrize("arguments", [SEGMENT, ("weights",)])
def test_without_torch_the_remedy_is_told(folder: Path, arguments: tuple[str, ...]) -> None:
    done = call(*arguments, code="import sys; sys.modules['torch'] = None")
    assert done.returncode == 2
    assert "torch is not installed. Install it with pip install 'brains45k[train]'." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_weights_without_a_file_says_where_they_are() -> None:
    result = run("weights")
    assert result.exit_code == 0
    assert "https://zenodo.org/records/13604788/files/unet_b_lw_dec_fullaug.pth" in result.stdout


def test_weights_of_a_file_says_what_it_fits(tmp_path: Path) -> None:
    network = create("unet_tiny", 1, 1, "reconstruction")
    torch.save({f"model.{name}": tensor for name, tensor in network.state_dict().items()}, tmp_path / "w.pth")
    result = run("weights", tmp_path / "w.pth")
    assert result.exit_code == 0
    assert "unet_tiny, head reconstruction, 1 input channel, 1 output channel" in result.stdout


def test_weights_of_a_model_leads_to_segment(folder: Path) -> None:
    result = run("weights", "model.safetensors")
    assert result.exit_code == 0
    assert "brains45k segment IMAGE... --checkpoint model.safetensors --out OUT.nii.gz" in result.stdout


def test_help_names_the_commands() -> None:
    text = run("-h").stdout
    assert "segment" in text
    assert "weights" in text
