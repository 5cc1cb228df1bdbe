"""One BLAS thread while volumes are computed: sums in one order on every machine, and no fight for cores."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


class _Limit:
    """The limit is the process's: the first user sets it, the last one lifts it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.limits: threadpool_limits | None = None


_LIMIT = _Limit()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread; several threads of this process may be inside at once."""
    with _LIMIT.lock:
        if _LIMIT.users == 0:
            _LIMIT.limits = threadpool_limits(limits=1, user_api="blas")
        _LIMIT.users += 1
    try:
        yield
    finally:
        with _LIMIT.lock:
            _LIMIT.users -= 1
            if _LIMIT.users == 0 and _LIMIT.limits is not None:
                _LIMIT.limits.restore_original_limits()
