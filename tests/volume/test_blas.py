"""One BLAS thread inside, as many as before outside, whoever leaves first."""

import threading

from threadpoolctl import threadpool_info

from brains45k.volume.blas import single_blas_thread


def _threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_the_limit_holds_until_the_last_one_leaves() -> None:
    before = _threads()
    assert before
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with single_blas_thread():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    with single_blas_thread():
        other.start()
        assert inside.wait(10)
    assert set(_threads()) == {1}
    leave.set()
    other.join()
    assert _threads() == before
