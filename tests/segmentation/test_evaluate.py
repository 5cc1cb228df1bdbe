"""A fold evaluated from model to scores: right when recomputed, the same each time, and a bad case costs its row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("safetensors")
from PIL import Image
from support.tiny_model import LPS, NAME, TASK, ball, write_model, write_scan

from brains45k.corpus.chunks import TOP_LEVEL
from brains45k.errors import DataError
from brains45k.segmentation.case_pictures import PREDICTION_COLOUR, TRUTH_COLOUR
from brains45k.segmentation.evaluate import EvaluateJob, evaluate_fold, score_case
from brains45k.segmentation.scores import SCORES, VALUES
from brains45k.tasks.folds import Fold
from brains45k.tasks.label import read_label, resample_label
from brains45k.tasks.prepare import prepare_images
from brains45k.tasks.task import IGNORED, Task
from brains45k.volume.preprocess import Preprocessing
from brains45k.volume.read import read_image

CORE, OEDEMA, NOT_RATED = 3, 2, 9
DOCUMENT: dict[str, Any] = TASK | {
    "ignore": [NOT_RATED],
    "regions": [{"name": "lesion", "classes": ["core", "oedema"]}, {"name": "oedema", "classes": ["oedema"]}],
}
#: Values of a label or prediction file that make a region, and those that count nowhere.
REGIONS = {"lesion": (2, 3, 4), "oedema": (2,)}
CENTRE = (24, 28, 20)

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Workplace:
    """A job on a folder of its own, and what it leaves there."""

    job: EvaluateJob

    def evaluate(self) -> str:
        log = StringIO()
        evaluate_fold(self.job, log)
        return log.getvalue()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(pq.read_table(self.path("scores.parquet")).to_pylist())

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads(self.path("evaluation.json").read_text()))

    def path(self, name: str) -> Path:
        return Path(self.job.folder) / name

    def label_path(self, case: str) -> Path:
        return Path(self.job.root) / f"{case}_label.nii.gz"

    def prediction(self, case: str) -> nibabel.Nifti1Image:
        return nibabel.load(self.path(f"predictions/{case}.nii.gz"))


def label_of(shift_voxels: int) -> Labels:
    """Return a label whose ball is off by some voxels, with a rim of another class and a part that nobody rated."""
    centre = (CENTRE[0] + shift_voxels, *CENTRE[1:])
    label = np.where(ball(centre), OEDEMA, 0).astype(np.uint8)
    label[ball(centre, radius_mm=9)] = CORE
    label[: CENTRE[0] - 5] = np.where(label[: CENTRE[0] - 5] > 0, NOT_RATED, 0)
    return label


def write_case(root: Path, cases: Path, name: str, label: Labels, group: str) -> None:
    """Write a case's images and label, and the case as it is prepared."""
    scan = write_scan(root / f"{name}.nii.gz", ball(CENTRE))
    label_path = root / f"{name}_label.nii.gz"
    nibabel.save(nibabel.Nifti1Image(label, LPS), label_path)
    prepared = prepare_images([read_image(scan)] * 2, Preprocessing())
    classes = read_label(label_path, Task(NAME, DOCUMENT)).classes
    folder = cases / name
    folder.mkdir(parents=True)
    np.save(folder / "image.npy", np.rint(prepared.image * TOP_LEVEL).astype(np.uint16))
    np.save(folder / "label.npy", resample_label(classes, prepared.grid))
    about = {"case": name, "subject": name, "part": "test", "group": group, "label_path": label_path.name}
    (folder / "case.json").write_text(json.dumps(about | {"grid": prepared.grid.to_json()}))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three prepared cases, a model and a fold. Tests must leave them as they are."""
    base = tmp_path_factory.mktemp("prepared")
    (base / "source").mkdir()
    labels = {"near": label_of(1), "off": label_of(6), "healthy": np.zeros_like(label_of(0))}
    for name, label in labels.items():
        write_case(base / "source", base / "cases", name, label, "in_domain" if name == "near" else "out_of_domain")
    write_model(base)
    Fold(task=NAME, fold=0, seed=1, train=("other",), val=(), test=tuple(labels)).write(base / "fold-0.json")
    return base


def workplace(prepared: Path, folder: Path, **changes: Any) -> Workplace:
    job = EvaluateJob(
        model=str(prepared / "model.safetensors"),
        cases=str(prepared / "cases"),
        root=str(prepared / "source"),
        fold=str(prepared / "fold-0.json"),
        task=NAME,
        document=DOCUMENT,
        folder=str(folder),
        accelerator="cpu",
        threads=1,
        overlap=0.25,
        mirror=False,
    )
    return Workplace(replace(job, **changes))


@pytest.fixture(scope="module")
def done(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The evaluated fold."""
    place = workplace(prepared, tmp_path_factory.mktemp("fold-0"))
    place.evaluate()
    return place


def by_hand(prediction: Labels, label: Labels, values: tuple[int, ...]) -> dict[str, Any]:
    rated = label != NOT_RATED
    truth, predicted = np.isin(label, values) & rated, np.isin(prediction, values) & rated
    both = int(truth.sum() + predicted.sum())
    return {
        "truth_voxels": int(truth.sum()),
        "prediction_voxels": int(predicted.sum()),
        "dice": 2 * int((truth & predicted).sum()) / both if both else None,
    }


def test_scores_are_those_recomputed_from_the_saved_files(done: Workplace) -> None:
    assert pq.read_schema(done.path("scores.parquet")).equals(SCORES)
    assert [(row["case"], row["region"]) for row in done.rows] == [
        (case, region) for case in ("near", "off", "healthy") for region in REGIONS
    ]
    for row in done.rows:
        prediction = np.asarray(done.prediction(row["case"]).dataobj)
        label = np.asarray(nibabel.load(done.label_path(row["case"])).dataobj)
        expected = by_hand(prediction, label, REGIONS[row["region"]])
        assert {name: row[name] for name in expected} == expected
    dice = {row["case"]: row["dice"] for row in done.rows if row["region"] == "lesion"}
    assert dice["near"] > 0.8 > dice["off"] > 0
    assert dice["healthy"] == 0


def test_predictions_lie_on_the_grid_of_the_label(done: Workplace) -> None:
    for case in ("near", "off", "healthy"):
        prediction, label = done.prediction(case), nibabel.load(done.label_path(case))
        assert prediction.shape == label.shape
        assert prediction.get_data_dtype() == np.uint8
        assert np.array_equal(prediction.affine, label.affine)
        # The network says 1, the core; of its values in label files the task names 4 first.
        assert np.unique(prediction.dataobj).tolist() == [0, 4]


def test_rows_say_what_they_are_of(done: Workplace) -> None:
    shared = {"task": NAME, "run": "tiny", "network": "unet_tiny", "pretrained": None, "fold": 0, "seed": 1}
    for row in done.rows:
        assert {key: row[key] for key in shared} == shared
        assert (row["leakage"], row["subject"]) == ("not pretrained", row["case"])
        assert row["group"] == ("in_domain" if row["case"] == "near" else "out_of_domain")


def test_lesions_are_counted_where_the_task_has_some(done: Workplace) -> None:
    (near,) = [row for row in done.rows if (row["case"], row["region"]) == ("near", "lesion")]
    assert (near["lesions_found"], near["lesions_true"], near["lesion_f1"]) == (1, 1, 1)


def test_the_facts_are_those_of_the_rows(done: Workplace) -> None:
    facts = done.facts
    assert (facts["cases"], facts["scored"], facts["failed"], facts["leakage"]) == (3, 3, [], "not pretrained")
    found = [row["dice"] for row in done.rows if row["group"] == "out_of_domain" and row["region"] == "lesion"]
    expected = {"mean": pytest.approx(sum(found) / len(found)), "cases": 2}
    assert facts["means"]["out_of_domain"]["lesion"]["dice"] == expected
    assert facts["pictures"] == {"best": "near", "median": "off", "worst": "healthy"}
    assert "grid" in facts["conventions"]


def test_best_median_and_worst_are_drawn_with_their_outlines(done: Workplace) -> None:
    for rank, truths in (("best", True), ("median", True), ("worst", False)):
        with Image.open(done.path(f"pictures/{rank}.png")) as picture:
            found = np.asarray(picture)[:-40]
        assert (found == PREDICTION_COLOUR).all(axis=-1).any()
        assert (found == TRUTH_COLOUR).all(axis=-1).any() == truths


def files(place: Workplace) -> Mapping[str, bytes]:
    kept = [path for path in Path(place.job.folder).rglob("*") if path.is_file() and path.name != "evaluation.json"]
    return {str(path.relative_to(place.job.folder)): path.read_bytes() for path in kept}


def test_again_gives_the_same_bytes(done: Workplace, prepared: Path, tmp_path: Path) -> None:
    again = workplace(prepared, tmp_path)
    again.evaluate()
    assert files(again) == files(done)


@pytest.fixture
def damaged(prepared: Path, tmp_path: Path) -> Workplace:
    """A workplace whose source holds one label that cannot be read."""
    source = tmp_path / "source"
    source.mkdir()
    for path in (prepared / "source").iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    (source / "off_label.nii.gz").write_bytes(b"no label")
    return workplace(prepared, tmp_path / "out", root=str(source))


def test_a_damaged_case_costs_its_rows_alone(damaged: Workplace, done: Workplace) -> None:
    log = damaged.evaluate()
    assert "off: not scored: " in log
    assert "tiny: 2 of 3 cases scored, 1 failed" in log
    (failure,) = damaged.facts["failed"]
    assert failure["case"] == "off"
    for row, whole in zip(damaged.rows, done.rows, strict=True):
        expected = dict.fromkeys([field.name for field in VALUES]) if row["case"] == "off" else {}
        assert row == whole | expected


def test_no_scores_at_all_are_an_error(damaged: Workplace) -> None:
    for path in Path(damaged.job.root).glob("*_label.nii.gz"):
        path.unlink()
    with pytest.raises(DataError, match="none of its 3 test cases could be scored, the first because: "):
        damaged.evaluate()
    assert not damaged.path("scores.parquet").exists()


def test_a_case_that_is_not_prepared_is_an_error(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a whole prepared case"):
        workplace(prepared, tmp_path, cases=str(tmp_path)).evaluate()


def test_a_model_of_another_fold_is_refused(prepared: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path, fold=1)
    with pytest.raises(DataError, match="is of fold 1 with seed 1"):
        workplace(prepared, tmp_path, model=str(model)).evaluate()


def test_a_model_of_other_classes_is_refused(prepared: Path, tmp_path: Path) -> None:
    document = DOCUMENT | {"classes": list(reversed(DOCUMENT["classes"]))}
    with pytest.raises(DataError, match="other images or classes"):
        workplace(prepared, tmp_path, document=document).evaluate()


def test_ignored_voxels_count_nowhere() -> None:
    truth, prediction = np.zeros((2, 6, 6, 6), np.uint8)
    truth[1:3] = 1
    truth[3] = IGNORED
    prediction[1:4] = 1
    lesion, _ = score_case(truth, prediction, Task(NAME, DOCUMENT), spacing_mm=(1.0, 1.0, 1.0))
    assert (lesion.dice, lesion.truth_voxels, lesion.prediction_voxels) == (1, 72, 72)


def test_a_prediction_on_another_grid_is_refused() -> None:
    truth = np.zeros((6, 6, 6), np.uint8)
    with pytest.raises(DataError, match="Prepare the case again"):
        score_case(truth, truth[1:], Task(NAME, DOCUMENT), spacing_mm=(1.0, 1.0, 1.0))
