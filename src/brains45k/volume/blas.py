"""One BLAS thread while volumes are computed: sums in one order on every machine, and no fight for cores."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread inside, and to as many as before outside.

    Outside the main thread nothing is limited: OpenBLAS lets that thread alone set its number, and threads that
    set and restored it at the same time would leave it at one for good.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache
def _controller() -> ThreadpoolController:
    """Look for BLAS libraries once: that takes longer than a small volume."""
    return ThreadpoolController()
