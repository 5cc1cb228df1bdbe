"""From the corpus to the table by the workflow, on one task of the demo."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from support.workspace import Workspace

pytest.importorskip("torch")

pytestmark = pytest.mark.workflow
_FOLDS = Path("models/finetune/isles22")
_RUNS = ("unet_tiny_scratch", "unet_tiny_amaes")
_TINY: dict[str, object] = {"name": "a", "network": "unet_tiny"}
_CONFIG: dict[str, object] = {"finetune": {"tasks": ["isles22"]}}


@pytest.fixture(scope="module")
def tabled(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo's corpus, with its table of one task."""
    folder = tmp_path_factory.mktemp("tabled") / "demo"
    shutil.copytree(demo.folder, folder, symlinks=True)
    workspace = Workspace(folder, target="table")
    run = workspace.run(overrides=_CONFIG)
    assert run.code == 0, run.text
    counts = {"prepare_task": 1, "draw_fold": 2, "finetune_fold": 4, "evaluate_fold": 4, "make_table": 1, "table": 1}
    assert run.jobs == counts | {"pretrain_network": 1}, run.text
    assert re.search(r"isles22: found \d+ cases = kept \d+ \+ excluded \d+; \d+ to train on, \d+ to test on", run.text)
    yield workspace
    shutil.rmtree(folder)


def table_rows(workspace: Workspace) -> list[dict[str, str]]:
    with (workspace.folder / "results/table.csv").open() as file:
        return list(csv.DictReader(file))


def dice_of_file(workspace: Workspace, prediction: Path) -> float:
    """Compute Dice from nothing but the prediction's file and the label as it was downloaded."""
    subject, session = prediction.name.removesuffix(".nii.gz").split("_")
    place = f"data/demo/isles22/ISLES-2022/derivatives/sub-{subject}/ses-{session}"
    truth = nibabel.load(workspace.folder / f"{place}/sub-{subject}_ses-{session}_msk.nii.gz")
    found = nibabel.load(prediction)
    assert found.shape == truth.shape
    np.testing.assert_allclose(found.affine, truth.affine)
    one, other = (np.asarray(image.dataobj) == 1 for image in (truth, found))
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_the_table_is_what_the_predictions_say(tabled: Workspace) -> None:
    row = next(row for row in table_rows(tabled) if (row["metric"], row["region"]) == ("dice", "all"))
    for run, column in zip(_RUNS, ("scratch_mean", "pretrained_mean"), strict=True):
        folds = []
        for fold in range(2):
            files = sorted((tabled.folder / _FOLDS / run / f"fold-{fold}/predictions").glob("*.nii.gz"))
            tested = json.loads((tabled.folder / _FOLDS / f"folds/fold-{fold}.json").read_text())["test"]
            assert [file.name.removesuffix(".nii.gz") for file in files] == sorted(tested)
            folds.append(np.mean([dice_of_file(tabled, file) for file in files]))
        assert float(row[column]) == pytest.approx(np.mean(folds), rel=1e-5)


def test_the_networks_say_what_they_come_from(tabled: Workspace) -> None:
    cards = {run: json.loads((tabled.folder / _FOLDS / run / "fold-0/card.json").read_text()) for run in _RUNS}
    assert cards["unet_tiny_scratch"]["leakage"]["state"] == "not pretrained"
    assert cards["unet_tiny_amaes"]["leakage"]["state"] == "none"
    assert "tensors of the encoder" in cards["unet_tiny_amaes"]["pretrained"]["load_report"]


def test_a_finished_table_is_left_alone(tabled: Workspace) -> None:
    assert "Nothing to be done" in tabled.run(overrides=_CONFIG).text


def test_another_seed_runs_its_fold_alone(tabled: Workspace) -> None:
    run = tabled.run("-n", overrides={"finetune": {"tasks": ["isles22"], "seeds": [0, 7]}})
    expected = {"draw_fold": 1, "finetune_fold": 2, "evaluate_fold": 2, "make_table": 1, "table": 1}
    assert run.jobs == expected, run.text


def test_what_changes_predictions_alone_trains_nothing(tabled: Workspace) -> None:
    run = tabled.run("-n", overrides={"finetune": {"tasks": ["isles22"], "recipe": {"mirror": True}}})
    assert run.jobs == {"evaluate_fold": 4, "make_table": 1, "table": 1}, run.text


def test_test_cases_in_the_corpus_end_the_run_before_any_work(tabled: Workspace) -> None:
    run = tabled.run("-n", overrides={**_CONFIG, "exclude_tasks": []})
    assert run.code != 0
    assert re.search(r"task isles22: \d+ of its test cases are in the corpus \(strokecase\d+", run.text), run.text
    assert "Set exclude_tasks: [isles22]" in run.text
    allowed: dict[str, object] = {"finetune": {"tasks": ["isles22"], "allow_leakage": True}, "exclude_tasks": []}
    assert "finetune_fold" in tabled.run("-n", overrides=allowed).jobs


def test_weights_from_elsewhere_are_checked_by_the_record_beside_them(tabled: Workspace) -> None:
    weights, record = (
        tabled.folder / "models/pretrain/demo" / name for name in ("model.safetensors", "volumes.parquet")
    )
    elsewhere = tabled.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(weights, elsewhere)
    run = [{**_TINY, "pretrained": str(elsewhere / weights.name)}]
    overrides: dict[str, object] = {"finetune": {"tasks": ["isles22"], "runs": run}}
    refused = tabled.run("-n", overrides=overrides)
    assert refused.code != 0
    assert "no volumes.parquet beside it" in refused.text
    shutil.copy(record, elsewhere)
    taken = tabled.run("-n", overrides=overrides)
    assert taken.jobs["finetune_fold"] == 2, taken.text
    assert "elsewhere/volumes.parquet" in taken.text


def test_weights_that_are_not_there_end_the_run_before_any_work(tabled: Workspace) -> None:
    run = tabled.run("-n", overrides={"finetune": {"runs": [_TINY | {"pretrained": "dem"}]}})
    assert run.code != 0
    assert "nor a file of weights; did you mean 'demo'?" in run.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"finetune": {"tasks": ["isles"]}}, "did you mean 'isles22'"),
        ({"exclude_tasks": ["isles2"]}, "did you mean 'isles22'"),
        ({"exclude_volumes": ["wmh_misspelt"]}, "no source has a volume 'wmh_misspelt'"),
        ({"finetune": {"recipe": {"epoch": 3}}}, "unknown key 'epoch' at finetune.recipe"),
        ({"finetune": {"runs": [_TINY, _TINY | {"name": "b"}]}}, "both train unet_tiny from scratch"),
    ],
)
def test_a_wrong_config_ends_before_any_work(tabled: Workspace, overrides: dict[str, object], message: str) -> None:
    run = tabled.run("-n", overrides=overrides)
    assert run.code != 0
    assert message in run.text
    assert "Traceback" not in run.text
