"""Run benchmarks against their peers and render docs/benchmarks.md.

    python benchmarks/run.py [NAME ...] [--quick]

A benchmark is a folder here with a ``bench.py``. Its peers get an environment of their own. Exit codes: 0 every bar
was met, 1 one was missed, 2 the call is at fault or a benchmark did not come to its end.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from common import BENCHMARKS, ENVIRONMENTS, RESULTS, one_thread_environment
from page import read_results, render, write_pages

_FAILED = 2
_STAMP = "requirements.sha256"


def main() -> int:
    """Run what the call names, all benchmarks by default, and return the exit code."""
    call = _parse()
    with tempfile.TemporaryDirectory() as folder:
        # A short try says nothing that should be kept.
        results = Path(folder) if call.quick else RESULTS
        codes = [run(name, results / f"{name}.json", quick=call.quick) for name in call.names]
        if call.quick:
            print(render(read_results(results)))
        else:
            write_pages(results)
            if all((RESULTS / f"{name}.json").exists() for name in ("preprocessing", "scaling")):
                subprocess.run([sys.executable, BENCHMARKS / "preprocessing" / "throughput.py"], check=True)
    return max(codes)


def run(name: str, out: Path, *, quick: bool) -> int:
    """Run one benchmark with one thread per library and return its exit code: 0, 1 or 2."""
    print(f"== {name}", flush=True)
    command = [sys.executable, BENCHMARKS / name / "bench.py", "--out", out]
    try:
        command += ["--peer-python", peer_python(name)]
    except subprocess.CalledProcessError as error:
        print(f"{name}: the peers' environment could not be made: {error}")
        return _FAILED
    code = subprocess.run(command + ["--quick"] * quick, env=one_thread_environment(), check=False).returncode
    if code not in (0, 1) or not out.exists():
        print(f"{name}: did not come to its end (exit code {code})")
        return _FAILED
    return code


def peer_python(name: str) -> Path:
    """Return the interpreter of a benchmark's peers; make their environment if it is absent or out of date."""
    # Those whose own list of dependencies asks for more than the benchmark uses stand in the second file.
    lists = [BENCHMARKS / name / file for file in ("requirements.txt", "requirements-no-deps.txt")]
    lists = [path for path in lists if path.exists()]
    if not lists:
        return Path(sys.executable)
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    stamp = folder / _STAMP
    digest = hashlib.sha256(b"\0".join([sys.version.encode(), *(path.read_bytes() for path in lists)])).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True, symlinks=True)
        for path in lists:
            options = ["--no-deps"] if "no-deps" in path.name else []
            subprocess.run([python, "-m", "pip", "install", "-qq", *options, "-r", path], check=True)
        stamp.write_text(digest, encoding="utf-8")
    return python


def _parse() -> argparse.Namespace:
    known = sorted(path.parent.name for path in BENCHMARKS.glob("*/bench.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which benchmarks: {', '.join(known)}  [default: all]"
    )
    parser.add_argument("--quick", action="store_true", help="a short try: prints its page and keeps nothing")
    call = parser.parse_args()
    unknown = sorted(set(call.names) - set(known))
    if unknown:
        parser.error(f"{unknown[0]} is no benchmark; choose from {', '.join(known)}.")
    call.names = call.names or known
    return call


if __name__ == "__main__":
    sys.exit(main())
