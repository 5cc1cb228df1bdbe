"""Write all demo sources side by side, each once and whole."""

import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from brains45k.demo.layouts import write_source

#: The sources that a demo exists for.
DEMO_SOURCES = ("adni", "oasis3", "oasis4", "ppmi", "msd", "brats21", "isles22", "wmh", "msseg1")


def write_demo(root: Path, *, workers: int) -> None:
    """Write every demo source to ``root/NAME``, and a marker into each that is complete.

    What an unfinished run left is removed first.
    """
    with (
        ProcessPoolExecutor(workers) as pool,
        tqdm(total=len(DEMO_SOURCES), desc="demo sources", unit="source") as bar,
    ):
        jobs = [pool.submit(_write_whole, source, root / source) for source in DEMO_SOURCES]
        for job in as_completed(jobs):
            bar.set_postfix_str(job.result(), refresh=False)
            bar.update()


def _write_whole(source: str, folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_source(source, folder)
    (folder / ".demo-complete").touch()
    return source
