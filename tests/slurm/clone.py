"""A fresh clone of this repository, in which tests run Snakemake as README says."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from support.workspace import REPOSITORY, Run

from brains45k.demo.write import DEMO_SOURCES

# Nothing is to be awaited here: one machine, one disk, and jobs of seconds.
_IMPATIENT = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
_TIMEOUT_S = 900


def copy_tree(folder: Path) -> None:
    """Copy what a clone of this tree would hold: what git tracks, or would if it were added."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in done.stdout.rstrip("\0").split("\0"):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


def only(*sources: str) -> dict[str, object]:
    """Return the overrides that leave the demo some of its sources."""
    return {"sources": {name: {"enabled": False} for name in DEMO_SOURCES if name not in sources}}


def built_in(folder: Path, *sources: str) -> dict[str, str]:
    """Return the digest of each file of the corpus in a folder, by its path; of some sources, if any is named."""
    manifests = sorted(folder.glob("manifests/*.parquet"))
    files = [path for path in sorted(folder.glob("data/corpus/**/*")) if path.is_file()] + manifests
    named = {f"{name}.parquet" for name in sources} | set(sources)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not sources or named.intersection(path.relative_to(folder).parts)
    }


@dataclass(frozen=True)
class Clone:
    """A clone, in which a target of the demo is built."""

    folder: Path
    target: str = "corpus"
    overrides: dict[str, object] = field(default_factory=dict)

    def run(self, *arguments: str) -> Run:
        """Run `snakemake --profile slurm TARGET` on the demo, with more arguments."""
        with self.started(*arguments) as process:
            code = process.wait(_TIMEOUT_S)
        return Run(code, self.text)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start the same, and kill it at the end unless it has ended itself."""
        with (self.folder / "run.out").open("wb") as out:
            process = subprocess.Popen(
                self._command(*arguments), cwd=self.folder, env=self._environment(), stdout=out, stderr=out
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def text(self) -> str:
        """What the last run has said so far."""
        return (self.folder / "run.out").read_text()

    def before(self, rule: str, code: str) -> None:
        """Let a rule's script do something else first; its outputs stay the same."""
        script = self.folder / f"workflow/scripts/{rule}.py"
        script.write_text(f"{code}\n{script.read_text()}")

    def _command(self, *arguments: str) -> list[str]:
        command = ["snakemake", "--profile", "slurm", self.target, "--configfile", "config/demo.yaml"]
        if self.overrides:
            (self.folder / "overrides.yaml").write_text(yaml.safe_dump(self.overrides))
            command.append("overrides.yaml")
        return [*command, *_IMPATIENT, *arguments]

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "PYTHONPATH": str(self.folder / "src")}
