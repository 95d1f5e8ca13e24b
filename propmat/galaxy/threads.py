"""One BLAS thread for the small matrices of the solver: faster, and the same bits whatever the machine's setting."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  the BLAS that compiled code calls must be loaded to be limited
from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which the process's BLAS libraries use one thread."""
    limits: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limits


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
