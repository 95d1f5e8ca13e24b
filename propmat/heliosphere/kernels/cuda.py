"""The stepper on an NVIDIA GPU: what is needed of the machine, and one launch. The kernel is in ``cuda_kernel.py``.

numba-cuda (extra ``gpu``) is imported when a GPU is asked for, so that nothing here is needed without one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from propmat.errors import InputError
from propmat.heliosphere.kernels.constants import POINT_CONSTANTS, RunConstants, Switches
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.species import FloatArray

LAUNCHES: Final = 4
"""Launches under way at a time: while the last trajectories of one are followed, the next fills the device."""
LAUNCH: Final = 1 << 20
"""Trajectories of a launch: many times what a device holds at a time."""
RESIDENT: Final = 2048
"""Most threads that a multiprocessor holds, of any device so far."""
INSTALL: Final = "pip install 'propmat[gpu]'"


class Shape(NamedTuple):
    """How a device is filled; ``scripts/benchmarks/sde_throughput.py --device cuda --tune`` measures others.

    Attributes:
        threads: of a block, a multiple of 32 but in the simulator.
        registers: most of a thread; fewer leave room for more threads, until they spill.
    """

    threads: int = 128
    registers: int = 168


def default_shape(s: Switches) -> Shape:
    """The shape that a variant of the physics takes: its registers do not spill (tests/unit/heliosphere/test_cuda.py).

    Derived from the compiler's report, not measured: of "paper", 168 registers hold three blocks of 128 threads on a
    multiprocessor, where one more register would hold two.
    """
    return Shape() if s == Switches() else Shape(registers=255)


def check_cuda() -> None:
    """Refuse a run on a GPU that cannot be.

    Raises:
        InputError: names what is missing and how to install it.
    """
    missing = _missing()
    if missing:
        raise InputError(f"device = 'cuda' {missing} Or use device = 'cpu', which gives the same trajectories.")


def _missing() -> str:
    """What a run on a GPU lacks; empty if nothing."""
    if find_spec("numba_cuda") is None:
        return f"needs numba-cuda, which is not installed: {INSTALL}."
    try:
        from numba import cuda
    except ImportError as error:
        return f"needs a complete numba-cuda ({_words(error)}): {INSTALL}."
    try:
        if cuda.is_available():
            return "" if simulated() else _missing_compiler()
        reason = _words(cuda.cuda_error() or "it lists no device")
    except Exception as error:  # the driver's errors are of many kinds
        reason = _words(error)
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    chosen = "" if hidden is None else f" CUDA_VISIBLE_DEVICES is {hidden!r}."
    return (
        f"needs an NVIDIA GPU and its driver, and none answers ({reason}).{chosen} `nvidia-smi` must list the GPU: "
        "install the driver (package cuda-drivers or nvidia-driver), or give the container the GPU (--gpus all)."
    )


def _missing_compiler() -> str:
    """What is missing to compile for the GPU that is there; empty if nothing."""
    from numba.cuda.cudadrv.nvvm import NVVM

    try:
        NVVM()
    except Exception as error:  # missing, too old, not loadable: of many kinds
        return f"needs NVIDIA's compiler library libnvvm ({_words(error)}): {INSTALL}."
    return ""


def _words(error: object) -> str:
    """A message of others as part of a sentence."""
    return " ".join(str(error).split()).rstrip(".: ")


def simulated() -> bool:
    """Whether numba-cuda's simulator stands in for the device: kernels in Python, one operation after the other."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"


class Buffers(threading.local):
    """Memory of the device and a stream, a thread's own, kept for its next launch.

    Giving memory back would wait for the launches of the other threads, and the device idle at their ends.
    """

    def __init__(self) -> None:
        from numba import cuda

        self.stream = cuda.stream()
        self.arrays: dict[str, Any] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """An array of the device; what it holds is left from before."""
        from numba import cuda

        found = self.arrays.get(name)
        if found is None or found.shape != shape:
            found = self.arrays[name] = cuda.device_array(shape, dtype, stream=self.stream)
        return found

    def copy(self, name: str, values: NDArray[Any]) -> Any:
        """Values on the device."""
        array = self.empty(name, values.shape, values.dtype)
        array.copy_to_device(np.ascontiguousarray(values), self.stream)
        return array


@cache
def tracer(s: Switches, shape: Shape | None = None) -> Callable[..., None]:
    """The trace of a variant of the physics, compiled at its first call; threads may call it at the same time."""
    from numba import cuda

    from propmat.heliosphere.kernels.cuda_kernel import kernel_source

    threads, registers = shape or default_shape(s)
    source = kernel_source(s, threads)
    kernel = cuda.jit(source) if simulated() else cuda.jit(source, max_registers=registers)
    buffers = Buffers()

    def trace(
        c: RunConstants,
        log_rigidity: FloatArray,
        particles: int,
        first: int,
        last: int,
        seed: NDArray[np.uint64],
        max_steps: int,
        out: FloatArray,
        points: FloatArray | None = None,
        numbers: NDArray[np.int64] | None = None,
    ) -> None:
        """As :func:`propmat.heliosphere.kernels.cpu.build` has it, own constants and numbers or not.

        The lowest rigidities go first: they take most steps, and a launch ends when its last trajectory does.
        """
        names = np.arange(first, last) if numbers is None else numbers[first:last]
        rows = np.arange(first, last) // particles
        begin, end = int(rows[0]), int(rows[-1]) + 1
        order = np.argsort(log_rigidity[rows], kind="stable")
        if points is None:
            points = np.repeat(np.array(c[:POINT_CONSTANTS])[:, None], end, axis=1)
        multiprocessors = getattr(cuda.get_current_device(), "MULTIPROCESSOR_COUNT", 1)  # the simulator's has no number
        most = multiprocessors * (RESIDENT // threads)
        blocks = min(most, -(-names.size // threads))  # those that find no room wait, find no work, and end
        table = buffers.empty("table", (RESULTS, names.size), np.float64)
        kernel[blocks, threads, buffers.stream](
            RunConstants(*map(float, c)),
            buffers.copy("points", points[:, begin:end]),
            buffers.copy("log_rigidity", log_rigidity[begin:end]),
            buffers.copy("rows", (rows[order] - begin).astype(np.int32)),
            buffers.copy("numbers", names[order]),
            np.uint64(seed[0]),
            np.uint64(seed[1]),
            max_steps,
            buffers.copy("upcoming", np.zeros(1, np.int64)),
            table,
        )
        found = table.copy_to_host(stream=buffers.stream)
        buffers.stream.synchronize()
        out[:, order] = found

    return trace
