"""Started by test_cuda.py with NUMBA_ENABLE_CUDASIM=1: runs in the simulator, writes the results to argv[1]."""

import sys

import numpy as np

from propmat.heliosphere import Heliosphere, simulate, simulate_many
from propmat.heliosphere.kernels.constants import run_constants, switches
from propmat.heliosphere.kernels.cuda import Shape, tracer

MODEL = Heliosphere.preset("paper").replace(r_hp=2.0)
POINT = {"B0": 5.0, "tilt": 25.0, "K0": 1.0, "a": 0.5, "b": 2.0}
SEED = 2**40 + 3
MANY, EACH, CAP = 12, 4, 40


def many_arguments() -> dict[str, object]:
    """Particles of their own parameters, energies and numbers, for simulate_many."""
    random = np.random.default_rng(1)
    low, high = np.array([[4.0, 5.0, 0.5, 0.0, 1.0], [6.0, 50.0, 1.2, 1.0, 2.0]])
    return {
        "species": "proton",
        "polarity": -1,
        "kinetic_energy": random.uniform(0.3, 5.0, MANY),
        "parameters": random.uniform(low, high, (MANY, 5)),
        "numbers": random.integers(0, 2**62, MANY),
        "seed": SEED,
    }


def run_arguments() -> dict[str, object]:
    """One point at two energies, for simulate."""
    energies = [0.5, 2.0]
    return {
        "species": "proton",
        "polarity": 1,
        "kinetic_energy": energies,
        "parameters": POINT,
        "particles": EACH,
        "seed": SEED,
    }


def capped(trace: object) -> np.ndarray:
    """(RESULTS, EACH) of trajectories that are given up at CAP steps."""
    out = np.empty((6, EACH))
    constants = run_constants(MODEL, POINT, 0.938, -1)
    trace(constants, np.log([1.0]), EACH, 0, EACH, np.array([1, 2], np.uint64), CAP, out)  # type: ignore[operator]
    return out


def results(device: str, trace: object) -> dict[str, np.ndarray]:
    """Everything that must be the same on both devices."""
    many = simulate_many(MODEL, device=device, **many_arguments())  # type: ignore[arg-type]
    run = simulate(MODEL, device=device, **run_arguments())  # type: ignore[arg-type]
    names = ("exit_kinetic_energy", "propagation_time", "exit_radius", "exit_colatitude", "exit_longitude", "steps")
    found = {name: getattr(run, name) for name in names}
    found |= {f"many_{name}": getattr(many, name) for name in ("log_gain", "propagation_time", "exit_colatitude")}
    return found | {"many_steps": many.steps, "capped": capped(trace)}


if __name__ == "__main__":
    # Three threads to a block, so that each follows several trajectories, and some have none at the end.
    np.savez(sys.argv[1], **results("cuda", tracer(switches(MODEL), Shape(threads=3))))
