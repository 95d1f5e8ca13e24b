"""The BLAS limit belongs to the whole process: it holds while anybody needs it, and is gone afterwards."""

from __future__ import annotations

from threadpoolctl import threadpool_info

from propmat.galaxy.threads import one_blas_thread


def threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_the_limit_is_lifted_when_the_last_user_has_left() -> None:
    before = threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert set(threads()) == {1}
    first.__exit__(None, None, None)
    assert set(threads()) == {1}
    second.__exit__(None, None, None)
    assert threads() == before
