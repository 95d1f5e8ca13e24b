"""The preset "helprop": laws of its step, and a fast part of scripts/studies/helprop_comparison.py."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propmat.heliosphere import Heliosphere, simulate
from propmat.heliosphere.diffusion import rigidity_factor
from propmat.heliosphere.helprop import helprop_step
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, switches
from propmat.heliosphere.wind import wind
from propmat.species import FloatArray

COMPARISON = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "studies" / "helprop_comparison.py"))
REFERENCE: Path = COMPARISON["REFERENCE"]
HELPROP = Heliosphere.preset("helprop")
PARAMETERS = {"B0": 5.0, "tilt": 15.0, "K0": 0.1, "a": 0.5, "b": 2.0}
MASS = 0.93827
POINTS = [(1.0, 1.6, 0.1, 0.5), (3.0, 0.4, 2.0, 1.5), (30.0, 2.2, 4.0, 5.0), (80.0, 1.5, 5.5, 20.0)]
"""r [AU], theta, phi, R [GV]."""


def constants(model: Heliosphere = HELPROP, sign: int = 1) -> RunConstants:
    return run_constants(model, PARAMETERS, MASS, sign)


def step(
    point: tuple[float, ...], *noise: float, model: Heliosphere = HELPROP, c: RunConstants | None = None
) -> FloatArray:
    """r, theta, phi, ln R after a step."""
    r, theta, phi, rigidity = point
    state = (r, theta, phi, math.log(rigidity))
    return np.array(helprop_step(c or constants(model), switches(model), *state, *noise)[:4])


@pytest.mark.parametrize("point", POINTS)
def test_the_noise_has_the_covariance_2_k_dt_along_the_mirrored_spiral(point: tuple[float, ...]) -> None:
    """Parallel diffusion along (1, +Gamma), 0.02 of it across; a step so short that no pole or mirror is reached."""
    r, theta, _, rigidity = point
    c = constants()._replace(fixed_step=1e-9)
    still = step(point, 0.0, 0.0, 0.0, c=c)
    scale = np.array([1.0, r, r * math.sin(theta)])
    columns = [(step(point, *unit, c=c) - still)[:3] * scale for unit in np.eye(3).tolist()]
    covariance = np.column_stack(columns) @ np.array(columns) / 2e-9

    gamma = c.rotation * r * math.sin(theta) / wind(c, r, abs(0.5 * math.pi - theta))[0]
    along = np.array([1.0, 0.0, gamma]) / math.hypot(1.0, gamma)
    parallel = rigidity_factor(c, math.log(rigidity), rigidity) * 1.35883 * r * r / math.hypot(1.0, gamma)
    polar = 1.0 - 0.5 * math.tanh(8.0 * (min(theta, math.pi - theta) - 0.5 * math.pi + math.radians(35.0)))
    tensor = 0.98 * np.outer(along, along) + 0.02 * np.diag([1.0, polar, 1.0])
    np.testing.assert_allclose(covariance, parallel * tensor, rtol=1e-4, atol=1e-4 * parallel * 0.02)


def test_a_step_below_half_an_au_is_mirrored_there() -> None:
    c = constants()
    free = c._replace(inner_radius=-1e9)
    ends = []
    for noise in (2.0, 0.0, -2.0, -10.0, -100.0):
        through, mirrored = (step((1.1, 1.6, 0.1, 3.0), 0.0, 0.0, noise, c=case)[0] for case in (free, c))
        assert mirrored == pytest.approx(through if through >= 0.5 else 1.0 - through, rel=1e-12)
        ends.append(through)
    assert max(ends) > 0.5 > 0.0 > min(ends)


@pytest.mark.parametrize(("start", "noise"), [(0.8, 0.3), (0.8, 5.0), (0.999, 0.0), (1.2, -2.0)])
def test_energy_does_not_change_when_either_end_is_inside_1_au(start: float, noise: float) -> None:
    point = (start, 1.6, 0.1, 1.0)
    after = step(point, 0.0, 0.3, noise)
    assert min(start, after[0]) < 1.0
    assert after[3] == math.log(1.0)
    assert step(point, 0.0, 0.3, noise, model=HELPROP.replace(loss_inside_1au=True))[3] > 1e-4


def test_energy_changes_by_the_chord_of_the_step_or_by_the_divergence_at_the_particle() -> None:
    """dE = p^2/E D dt with E the total energy, D = V (r + r') / 3 max(r, r')^2 for a constant wind, or 2V / 3r."""
    r, momentum = 3.0, 1.5
    point = (r, 1.5, 2.0, momentum)
    c = constants()
    speed = wind(c, r, 0.5 * math.pi - 1.5)[0]
    energy = math.hypot(momentum, MASS)
    for model, noise in ((HELPROP, 1.0), (HELPROP, -1.0), (HELPROP.replace(loss_inside_1au=True), 1.0)):
        after = step(point, 0.0, 0.0, noise, model=model)
        assert after[0] > 1.0
        square = (after[0] + r) / max(r, after[0]) ** 2 if model is HELPROP else 2.0 / r
        gain = math.hypot(math.exp(after[3]), MASS) - energy
        assert gain == pytest.approx(momentum**2 / energy * speed * square / 3.0 * c.fixed_step, rel=1e-6)


def test_poles_reflect_to_the_other_side_and_are_kept_clear() -> None:
    near = (3.0, 0.05, 1.0, 2.0)
    still = step(near, 0.0, 0.0, 0.0)
    over = step(near, 0.0, -30.0, 0.0)
    size = (step(near, 0.0, 1.0, 0.0) - still)[1]
    assert still[1] - 30.0 * size < 0.0
    assert over[1] == pytest.approx(30.0 * size - still[1], rel=1e-9)
    assert over[2] - still[2] == pytest.approx(math.pi, rel=1e-9)
    onto = step(near, 0.0, -still[1] / size, 0.0)
    assert onto[1] == 1e-3


def test_protons_at_negative_polarity_are_antiprotons_at_positive_polarity_bit_for_bit() -> None:
    def run(species: str, polarity: int) -> Any:
        return simulate(
            HELPROP,
            species=species,
            polarity=polarity,
            kinetic_energy=[3.0, 30.0],
            parameters=PARAMETERS,
            particles=100,
            seed=3,
        )

    proton, antiproton = run("proton", -1), run("antiproton", +1)
    np.testing.assert_array_equal(proton.exit_kinetic_energy, antiproton.exit_kinetic_energy)
    np.testing.assert_array_equal(proton.exit_colatitude, antiproton.exit_colatitude)
    np.testing.assert_array_equal(proton.steps, antiproton.steps)
    assert proton.species.mass == antiproton.species.mass == MASS
    assert not np.array_equal(proton.steps, run("proton", +1).steps)


@pytest.mark.skipif(not REFERENCE.is_file(), reason=f"no {REFERENCE}")
def test_a_part_of_the_reference_is_reproduced() -> None:
    """The whole is a study; here the cases of fewest steps, judged by the same criteria."""
    chosen = ("p_Apos_al15_D1 E_3", "p_Apos_al30_D1 E_10", "pbar_Apos_al15_D1 E_10", "he4_Apos_al15_D2 E_1")
    cases = [case for case in COMPARISON["read_cases"](REFERENCE) if case.name in chosen]
    assert len(cases) == len(chosen)
    results = [COMPARISON["compare"](case, times=4, seed=2) for case in cases]
    print("\n".join(COMPARISON["line"](result) for result in results))
    assert COMPARISON["misses"](results) == []


def test_the_comparison_finds_a_wrong_law() -> None:
    """Against itself a run passes; against K_r_phi of the right sign it does not."""
    run = simulate(
        HELPROP,
        species="antiproton",
        polarity=1,
        kinetic_energy=3.0,
        parameters=PARAMETERS,
        particles=800,
        seed=4,
    )
    case = COMPARISON["Case"](
        name="itself",
        base=True,
        model=HELPROP,
        species=run.species,
        polarity=1,
        kinetic_energy=3.0,
        parameters=PARAMETERS,
        exit_energy=run.exit_kinetic_energy[0],
        colatitude=run.exit_colatitude[0],
        time=run.propagation_time[0],
    )
    wrong = case._replace(model=HELPROP.replace(mirrored_spiral=False))
    assert COMPARISON["misses"]([COMPARISON["compare"](case, times=2)]) == []
    assert COMPARISON["misses"]([COMPARISON["compare"](wrong, times=2)]) != []


def test_the_walk_of_differences_ends_at_the_presets() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "studies" / "helprop_differences.py"))
    stages = script["walk"]()
    assert stages[0].model == HELPROP
    for stage, preset in ((stages[len(script["TO_PAPER"])], "paper"), (stages[-1], "consistent")):
        assert stage.model.as_dict() | {"name": preset} == Heliosphere.preset(preset).as_dict()
