"""The GPU's kernel without a GPU: its logic in numba-cuda's simulator, its compilation, what is said without one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.heliosphere import Heliosphere, simulate, simulate_counts, simulate_many
from propmat.heliosphere.kernels import cpu, cuda
from propmat.heliosphere.kernels.constants import Switches, switches
from propmat.transfer import TransferGrid

needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed: pip install 'propmat[gpu]'"
)
CHILD = Path(__file__).with_name("cuda_simulator_child.py")
POINT = {"B0": 5.0, "tilt": 25.0, "K0": 1.0, "a": 0.5, "b": 2.0}
COMMON: dict[str, Any] = {"species": "proton", "polarity": 1, "seed": 1}
TOA = TransferGrid.default([0.5, 1.0])


def start(kind: str, device: str) -> None:
    """A run of one of the three kinds."""
    model = Heliosphere.preset("paper").replace(r_hp=2.0)
    if kind == "simulate":
        simulate(model, kinetic_energy=1.0, parameters=POINT, particles=1, device=device, **COMMON)
    elif kind == "simulate_counts":
        simulate_counts(model, grid=TOA, parameters=POINT, particles=1, device=device, **COMMON)
    else:
        point = [list(POINT.values())]
        simulate_many(model, kinetic_energy=[1.0], parameters=point, numbers=[0], device=device, **COMMON)


# What is said without a GPU


@pytest.mark.parametrize("kind", ["simulate", "simulate_counts", "simulate_many"])
def test_a_device_that_does_not_exist_is_refused_with_the_nearest_that_does(kind: str) -> None:
    with pytest.raises(InputError, match=r"unknown device 'cuda:0'. Did you mean 'cuda'\? Valid: cpu, cuda"):
        start(kind, "cuda:0")


@pytest.mark.parametrize("kind", ["simulate", "simulate_counts", "simulate_many"])
def test_cuda_without_numba_cuda_says_how_to_install_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"numba-cuda, which is not installed: pip install 'propmat\[gpu\]'"):
        start(kind, "cuda")


@needs_numba_cuda
def test_cuda_without_a_gpu_says_that_none_answers_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda as numba_cuda

    monkeypatch.setattr(numba_cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "9")
    with pytest.raises(InputError, match=r"NVIDIA GPU and its driver.*CUDA_VISIBLE_DEVICES is '9'.*install the driver"):
        start("simulate_many", "cuda")


@needs_numba_cuda
def test_cuda_without_the_compiler_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda as numba_cuda
    from numba.cuda.cudadrv import nvvm

    def missing() -> None:
        raise OSError("libnvvm.so: cannot open shared object file")

    monkeypatch.setattr(numba_cuda, "is_available", lambda: True)
    monkeypatch.setattr(nvvm, "NVVM", missing)
    with pytest.raises(InputError, match=r"libnvvm.*cannot open.*pip install 'propmat\[gpu\]'"):
        start("simulate_many", "cuda")


# The logic


def child() -> Any:
    """The module that runs in the simulator."""
    spec = importlib.util.spec_from_file_location(CHILD.stem, CHILD)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_numba_cuda
def test_the_simulated_kernel_follows_the_trajectories_of_the_cpu(tmp_path: Path) -> None:
    path = tmp_path / "simulated.npz"
    settings = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_OPT": "0"}  # compiling takes longer than running
    subprocess.run([sys.executable, str(CHILD), str(path)], env=settings, check=True, timeout=600)
    expected = child().results("cpu", cpu.tracer(Switches()))
    with np.load(path) as simulated:
        assert sorted(simulated) == sorted(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(simulated[name], values, rtol=1e-10, err_msg=name)
    assert (expected["capped"][5] < 0).any() and len(set(expected["many_steps"])) > 1


# The compilation


@needs_numba_cuda
@pytest.mark.parametrize("preset", ["paper", "consistent", "helprop"])
def test_the_kernel_compiles_for_hopper_without_spills(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    from propmat.heliosphere.kernels.cuda_compile import assemble, kernel_arguments
    from propmat.heliosphere.kernels.cuda_kernel import kernel_source

    s = switches(Heliosphere.preset(preset))
    shape = cuda.default_shape(s)
    machine = assemble(kernel_source(s, shape.threads), kernel_arguments(), shape.registers)
    with capsys.disabled():
        print(
            f"\n{preset}, sm_90: {machine.registers} registers of at most {shape.registers}, {machine.spilled} bytes "
            f"spilled, {machine.stack} bytes of stack, {machine.shared} bytes shared by {shape.threads} threads"
        )
    assert ".target sm_90" in machine.ptx and machine.cubin[:4] == b"\x7fELF"
    assert 32 <= machine.registers <= shape.registers
    assert machine.spilled == machine.stack == 0
    assert machine.shared >= 8 * shape.threads * cuda.POINT_CONSTANTS
