"""The kernel compiled for a GPU that is not there: what the tests and scripts/gpu/kernel_ceiling.py look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from propmat.heliosphere.kernels.constants import RunConstants

HOPPER: Final = (9, 0)
"""Compute capability of an H100 or H200: sm_90."""


class Machine(NamedTuple):
    """Machine code and what it needs of a device.

    Attributes:
        ptx: the code before it is assembled.
        cubin: the code of the device.
        registers: of a thread.
        spilled: bytes of a thread written to memory because registers were short.
        stack: bytes of a thread's own memory.
        shared: bytes of a block's shared memory.
    """

    ptx: str
    cubin: bytes
    registers: int
    spilled: int
    stack: int
    shared: int


def kernel_arguments() -> tuple[Any, ...]:
    """Types of the arguments of :func:`~propmat.heliosphere.kernels.cuda_kernel.kernel_source`'s kernel, for numba."""
    from numba import types

    run = types.NamedUniTuple(types.float64, len(RunConstants._fields), RunConstants)
    table, line, whole = types.float64[:, ::1], types.float64[::1], types.int64[::1]
    key = types.uint64
    return run, table, line, types.int32[::1], whole, key, key, types.int64, whole, table


def assemble(
    kernel: Callable[..., None],
    arguments: tuple[Any, ...],
    registers: int,
    capability: tuple[int, int] = HOPPER,
) -> Machine:
    """Compile a kernel by NVVM and nvJitLink: the libraries of numba-cuda, which need neither a GPU nor a driver.

    Args:
        kernel: a function of Python, of device code.
        arguments: numba types of its arguments.
        registers: most of a thread.
        capability: of the device.
    """
    from numba import cuda, types

    with _pretended(capability):
        ptx, _ = cuda.compile(kernel, types.void(*arguments), cc=capability, device=False, abi="numba", output="ptx")
    cubin, log = _link(ptx, registers, capability)
    found = [re.findall(pattern, log) for pattern in _FACTS]
    used, spilled, stack, shared = (max(map(int, numbers), default=0) for numbers in found)
    return Machine(ptx, cubin, used, spilled, stack, shared)


_FACTS: Final = (r"[uU]sed (\d+) registers", r"(\d+) bytes spill stores", r"(\d+) bytes stack", r"(\d+) bytes smem")


@contextmanager
def _pretended(capability: tuple[int, int]) -> Iterator[None]:
    """Let numba-cuda compile the functions that a kernel calls: for those it asks the device that is there."""
    from numba.cuda import dispatcher

    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


def _link(ptx: str, registers: int, capability: tuple[int, int]) -> tuple[bytes, str]:
    """(machine code, what the assembler says of it)."""
    from cuda.bindings import nvjitlink

    options = [f"-arch=sm_{capability[0]}{capability[1]}", "-verbose", f"-maxrregcount={registers}"]
    code = ptx.encode()
    linker = nvjitlink.create(len(options), options)
    try:
        nvjitlink.add_data(linker, nvjitlink.InputType.PTX, code, len(code), "kernel")
        nvjitlink.complete(linker)
        cubin = bytearray(nvjitlink.get_linked_cubin_size(linker))
        nvjitlink.get_linked_cubin(linker, cubin)
        log = bytearray(nvjitlink.get_info_log_size(linker))
        nvjitlink.get_info_log(linker, log)
    finally:
        nvjitlink.destroy(linker)
    return bytes(cubin), log.decode(errors="replace")
