"""What the table shows, whether or not it was measured: tasks, runs, folds and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from brains45k.segmentation.settings import Finetune
from brains45k.tasks.task import ALL, IN_DOMAIN, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is measured.

    Attributes
    ----------
    column : str
        Of the scores.
    title, unit : str
        For a reader; no unit for a share.
    digits : int
        After the point.
    higher_is_better : bool
        Or lower.
    absolute : bool
        Whether the sign is dropped before anything is averaged.
    """

    column: str
    title: str
    unit: str = ""
    digits: int = 3
    higher_is_better: bool = True
    absolute: bool = False


#: What the table is about, and what alone is tested.
DICE: Final = Metric(column="dice", title="Dice")
SECONDARY: Final = (
    Metric(column="hd95_mm", title="HD95", unit="mm", digits=1, higher_is_better=False),
    Metric(column="nsd_1mm", title="NSD at 1 mm"),
    Metric(
        column="volume_difference_ml",
        title="Absolute volume difference",
        unit="ml",
        digits=2,
        higher_is_better=False,
        absolute=True,
    ),
    Metric(column="lesion_f1", title="Lesion F1"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A finetuning run: a network, and the pretraining run or file that its encoder began from, if any."""

    name: str
    network: str
    pretrained: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task of the table, with the groups of its test cases and the regions that are measured, in their order."""

    name: str
    title: str
    groups: tuple[str, ...]
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a fold, by its path relative to the table's folder."""

    task: str
    run: str
    fold: int
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the table shows, whether or not it was measured.

    Attributes
    ----------
    tasks, runs : tuple
        In the order of the table; every run is one of every task.
    folds : tuple of int
        Numbers of the folds of every run.
    pictures : tuple of Picture
        For the page to link to.
    target : str
        What Snakemake is asked for to make a fold, with the fields ``task``, ``run`` and ``fold``.
    """

    tasks: tuple[PlannedTask, ...]
    runs: tuple[Run, ...]
    folds: tuple[int, ...]
    pictures: tuple[Picture, ...] = ()
    target: str = "models/finetune/{task}/{run}/fold-{fold}/scores.parquet"


def plan_table(tasks: Sequence[Task], finetune: Finetune, *, pictures: Sequence[Picture] = ()) -> Plan:
    """Return the plan of a config: each run on each task, one fold a seed.

    Parameters
    ----------
    tasks : sequence of Task
        Those that ``finetune`` names.
    finetune : Finetune
        The config's ``finetune`` key.
    pictures : sequence of Picture
        For the page to link to.
    """
    return Plan(
        tasks=tuple(
            PlannedTask(task.name, task.title, _groups(task), tuple(region.name for region in task.regions))
            for task in tasks
        ),
        runs=tuple(Run(run.name, run.network, run.pretrained) for run in finetune.runs.values()),
        folds=tuple(range(len(finetune.seeds))),
        pictures=tuple(pictures),
    )


def _groups(task: Task) -> tuple[str, ...]:
    named = tuple(group.name for group in task.groups)
    return (IN_DOMAIN, *named) if named else (ALL,)


def network_runs(runs: Sequence[Run]) -> list[tuple[Run | None, Run | None]]:
    """Return a pair of the run from scratch and the pretrained run for each row of a task, in the order of the runs.

    A network with several pretrained runs has as many rows; one without has one. No network has two runs from scratch.
    """
    pairs: list[tuple[Run | None, Run | None]] = []
    for network in dict.fromkeys(run.network for run in runs):
        own = [run for run in runs if run.network == network]
        scratch = next((run for run in own if run.pretrained is None), None)
        pairs += [(scratch, run) for run in own if run.pretrained is not None] or [(scratch, None)]
    return pairs
