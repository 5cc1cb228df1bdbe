"""How long `snakemake -n --cores 64 corpus` takes with 45,000 volumes in their native layouts.

The files are empty: nothing is read before a shard is built. Run from anywhere:

    python benchmarks/dry_run.py [--volumes 45000] [--runs 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: Share of each cohort in what the five small sources leave of the corpus. Only the sum is known.
COHORT_SHARES = {"adni": 0.45, "oasis3": 0.35, "oasis4": 0.08, "ppmi": 0.12}


def cohort_paths(source: str, count: int) -> Iterator[str]:
    """Yield as many paths of a cohort as asked, four series a session."""
    for number in range(count):
        subject, image = divmod(number, 4)
        if source == "adni":
            folder = f"ADNI/{subject % 900:03d}_S_{subject:04d}/{('MPRAGE', 'FLAIR', 'AX_T2', 'MT1__N3m')[image]}"
            yield f"{folder}/2012-05-10_15_44_50.0/S{number}/ADNI_MR_br_raw_S{number}_I{number}.nii"
        elif source == "ppmi":
            folder = f"PPMI/{3000 + subject}/{('MPRAGE', 'T2_FLAIR', 'AX_T2', 'SAG_T1')[image]}"
            yield f"{folder}/2012-05-10_15_44_50.0/I{number}/PPMI_MR_br_raw_S{number}_I{number}.nii"
        elif source == "oasis3":
            suffix = ("T1w", "T2w", "FLAIR", "swi")[image]
            session = f"OAS3{subject:04d}_MR_d0001"
            yield f"{session}/anat{image}/sub-OAS3{subject:04d}_ses-d0001_{suffix}.nii.gz"
        else:
            suffix = ("T1w", "T2w", "FLAIR", "swi")[image]
            session = f"OAS42{subject:03d}_MR_d3001"
            yield f"OAS42{subject:03d}/{session}/anat{image}/NIFTI/sub-OAS42{subject:03d}_sess-d3001_{suffix}.nii.gz"


def small_paths() -> Iterator[str]:
    """Yield the paths of the five sources whose counts are known."""
    yield from (f"msd/Task01_BrainTumour/imagesTs/BRATS_{case}.nii.gz" for case in range(485, 751))
    for case in range(1251):
        name = f"BraTS2021_{case:05d}"
        yield from (f"brats21/{name}/{name}_{image}.nii.gz" for image in ("flair", "t1", "t1ce", "t2", "seg"))
    for case in range(1, 251):
        stem = f"sub-strokecase{case:04d}"
        folder = f"isles22/ISLES-2022/{stem}/ses-0001"
        yield f"{folder}/anat/{stem}_ses-0001_FLAIR.nii.gz"
        yield from (f"{folder}/dwi/{stem}_ses-0001_{image}.nii.gz" for image in ("dwi", "adc"))
    yield from (f"wmh/training/Utrecht/{case}/pre/{image}.nii.gz" for case in range(60) for image in ("FLAIR", "T1"))
    for case in range(15):
        folder = f"msseg1/Training/Center_01/Patient_{case:02d}/Preprocessed_Data"
        yield from (f"{folder}/{image}_preprocessed.nii.gz" for image in ("DP", "FLAIR", "GADO", "T1", "T2"))


def write_tree(root: Path, volumes: int) -> int:
    """Write empty files for about this many volumes and return how many files there are."""
    rest = volumes - 5761
    paths = [
        f"{name}/{path}" for name, share in COHORT_SHARES.items() for path in cohort_paths(name, int(rest * share))
    ]
    paths += small_paths()
    for path in paths:
        place = root / "data/sources" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return len(paths)


def dry_run(root: Path) -> float:
    """Return the wall seconds of one dry run."""
    command = ["snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "-n", "--quiet", "--cores", "64", "corpus"]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    start = time.perf_counter()
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Write the tree, run, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volumes", type=int, default=45_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = write_tree(root, arguments.volumes)
        first = dry_run(root)
        later = [dry_run(root) for _ in range(arguments.runs)]
    print(
        json.dumps({"files": files, "first_s": round(first, 2), "later_median_s": round(statistics.median(later), 2)})
    )


if __name__ == "__main__":
    main()
