"""One BLAS thread for the small matrices of the solver: faster, and the same bits whatever the machine's setting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import scipy.linalg.cython_blas  # noqa: F401  the BLAS that compiled code calls must be loaded to be limited
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_users: list[Any] = []
"""The limit in force, once for every thread that is inside; the setting belongs to the whole process."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which the process's BLAS libraries use one thread, until the last thread has left it."""
    with _lock:
        _users.append(_users[0] if _users else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _users.pop()
            if not _users:
                limit.restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
