"""One BLAS thread inside, as many as before outside; other threads leave the number alone."""

from concurrent.futures import ThreadPoolExecutor

from support import bad_files as bad
from support.volumes import image_of
from threadpoolctl import threadpool_info

from brains45k.volume import preprocess
from brains45k.volume.blas import single_blas_thread


def _threads() -> list[int]:
    # SciPy brings a BLAS of its own and loads it when first needed; it multiplies nothing of ours.
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [pool["num_threads"] for pool in pools if "scipy.libs" not in pool["filepath"]]


def test_one_inside_and_as_many_as_before_outside() -> None:
    before = _threads()
    assert before
    with single_blas_thread():
        assert set(_threads()) == {1}
    assert _threads() == before


def test_threads_give_the_same_bytes_and_leave_the_number_as_it_was() -> None:
    before = _threads()
    image = image_of(bad.head_voxels(), bad.diagonal())
    expected = preprocess(image).data.tobytes()
    with ThreadPoolExecutor(4) as pool:
        results = {volume.data.tobytes() for volume in pool.map(preprocess, [image] * 16)}
    assert results == {expected}
    assert _threads() == before
