"""Write demo sources side by side, each once and whole."""

import shutil
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from brains45k.demo.layouts import write_source

#: The sources of BRAINS-45K, of which the demo's corpus is made.
DEMO_SOURCES = ("adni", "oasis3", "oasis4", "ppmi", "msd", "brats21", "isles22", "wmh", "msseg1")
#: Synthetic sources that are no part of the corpus: what the demo's own tasks are made of.
TASK_SOURCES = ("lesions",)


def write_demo(root: Path, *, workers: int, sources: Collection[str] = DEMO_SOURCES) -> None:
    """Write demo sources to ``root/NAME``, and a marker into each that is complete.

    What an unfinished run left is removed first.

    Parameters
    ----------
    root
        The folder of all demo sources.
    workers
        Number of sources that are written at a time.
    sources
        Of :data:`DEMO_SOURCES` and :data:`TASK_SOURCES`.

    Raises
    ------
    ValueError
        When there is no demo of a source.
    """
    with (
        ProcessPoolExecutor(workers) as pool,
        tqdm(total=len(sources), desc="demo sources", unit="source") as bar,
    ):
        jobs = [pool.submit(_write_whole, source, root / source) for source in sources]
        for job in as_completed(jobs):
            bar.set_postfix_str(job.result(), refresh=False)
            bar.update()


def _write_whole(source: str, folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_source(source, folder)
    (folder / ".demo-complete").touch()
    return source
