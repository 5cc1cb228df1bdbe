"""A working directory in which tests run Snakemake."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake left behind."""

    code: int
    text: str

    @property
    def jobs(self) -> dict[str, int]:
        """Number of jobs by rule, from the table that Snakemake prints; empty where there is nothing to do."""
        table = re.search(r"^job\s+count\n[- ]+\n(.*?)^total", self.text, re.MULTILINE | re.DOTALL)
        return {} if table is None else {name: int(count) for name, count in re.findall(r"(\w+) +(\d+)", table[1])}

    @property
    def shards(self) -> set[str]:
        """Names of the shards that were, or would be, written."""
        return set(re.findall(r"output: data/corpus/\w+/([\w-]+)\.zarr", self.text))


@dataclass(frozen=True)
class Workspace:
    """A working directory of the workflow."""

    folder: Path
    configfile: Path = REPOSITORY / "config/demo.yaml"
    repository: Path = REPOSITORY
    target: str = "corpus"

    def run(
        self,
        *arguments: str,
        cores: int = 2,
        overrides: dict[str, object] | None = None,
        library: Path | None = None,
    ) -> Run:
        """Run Snakemake here for the target, with config overrides; ``library`` replaces the installed package."""
        command = ["snakemake", "--snakefile", str(self.repository / "Snakefile"), "--cores", str(cores)]
        command += [self.target, *arguments, "--configfile", str(self.configfile)]
        if overrides:
            extra = self.folder / "overrides.yaml"
            extra.write_text(yaml.safe_dump(overrides))
            command.append(str(extra))
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        environment |= {"PYTHONPATH": str(library)} if library else {}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        return Run(done.returncode, done.stdout + done.stderr)
