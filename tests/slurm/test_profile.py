"""The cluster profile, as far as a dry run shows it: no Slurm is needed."""

import re
from collections.abc import Callable

import pytest
from slurm.clone import Clone, only
from support.workspace import Workspace

pytestmark = pytest.mark.workflow

_PLANNED = re.compile(r"^rule (\w+):$.*?^    log: (.*?)$.*?^    resources: (.*?)$", re.MULTILINE | re.DOTALL)


def test_a_job_that_is_tried_again_asks_for_twice_the_memory_and_time(
    clone: Callable[..., Clone], demo: Workspace
) -> None:
    planned = clone(source=demo)
    first, second = (_resources(planned.run("-n", "--forceall", "--attempt", attempt).text) for attempt in ("1", "2"))
    assert first.keys() == second.keys() != set()
    for rule, asked in first.items():
        for name in ("mem_mb", "runtime"):
            assert int(second[rule][name]) == 2 * int(asked[name]), (rule, name)


def test_what_a_site_uncomments_reaches_the_jobs(clone: Callable[..., Clone], demo: Workspace) -> None:
    fresh = clone(overrides=only("msd"), source=demo)
    profile = fresh.folder / "slurm/profile.yaml"
    site, rest = profile.read_text().split("# ----")
    uncommented = re.sub(r"^( *)# ( *[\w-]+:)", r"\1\2", site, flags=re.MULTILINE)
    assert uncommented != site
    profile.write_text(f"{uncommented}# ----{rest}".replace("pretrain_network:", "write_shard:"))
    (asked,) = (each for job, each in _resources(fresh.run("-n").text).items() if job.startswith("write_shard"))
    assert (asked["slurm_account"], asked["slurm_partition"], asked["constraint"]) == ("my_project", "gpu", "a100")
    assert asked["runtime"] == "1440"


def _resources(plan: str) -> dict[str, dict[str, str]]:
    """Return what each job of a dry run asks for, by its rule and log; rules that run in place are not among them."""
    found = {}
    for rule, log, resources in _PLANNED.findall(plan):
        found[f"{rule} {log}"] = dict(each.split("=", 1) for each in resources.split(", "))
    return found
