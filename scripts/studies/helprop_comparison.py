"""The preset "helprop" against the output of the public HELPROP code, case by case.

Usage: python scripts/studies/helprop_comparison.py [--reference PATH] [--times N] [--seed N] [--base-only]

For each case of the reference: two-sample Kolmogorov-Smirnov tests of exit energy and exit latitude, and the ratio of
the fluxes at Earth over interstellar flux, both folded without bins with one interstellar spectrum. Criteria over the
base cases: no p below 0.01 / number of KS tests; the mean ratio is 1 within 3 sigma; no ratio is further from 1 than
1.5 % where its sigma is at most 0.5 %. Cases of another kind were made with a modified code (sign of K_r_phi,
K_perp_theta doubled, energy change 2V/3r everywhere, shorter steps), which our attributes follow; they are printed
as information, as are the propagation times. Exit code 1 on a miss, 2 on a file that is no such reference; without
a reference file nothing is compared, it says so, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from scipy.stats import chi2, ks_2samp

from propmat.heliosphere import Heliosphere, simulate
from propmat.progress import progress_bar
from propmat.species import SPECIES, FloatArray, Species, momentum_from_kinetic_energy
from propmat.spectra import proton_lis

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "helprop_reference.h5"
TIMES = 8
"""Our particles for one of theirs: our share of the error of a ratio is then 6 %."""
P_TOTAL = 0.01
SIGMAS = 3.0
RATIO_LIMIT, RATIO_SIGMA = 0.015, 0.005
LIS = proton_lis()


class Case(NamedTuple):
    """One run of the reference: its conditions, and what its particles were at exit, each (particle,)."""

    name: str
    base: bool
    model: Heliosphere
    species: Species
    polarity: int
    kinetic_energy: float
    parameters: dict[str, float]
    exit_energy: FloatArray
    colatitude: FloatArray
    time: FloatArray


class Result(NamedTuple):
    """The comparison of one case; ``days`` are mean propagation times with their errors: ours, theirs."""

    name: str
    base: bool
    particles: int
    p_energy: float
    p_latitude: float
    ratio: float
    sigma: float
    days: tuple[tuple[float, float], tuple[float, float]]


def read_cases(path: Path, base_only: bool = False) -> list[Case]:
    """The runs of a reference file, in order of configuration and energy."""
    with h5py.File(path) as file:
        cases = [
            read_case(f"{config} {run}", group) for config, runs in file["runs"].items() for run, group in runs.items()
        ]
    cases.sort(key=lambda case: (not case.base, case.name.split()[0], case.kinetic_energy))
    return [case for case in cases if case.base or not base_only]


def read_case(name: str, group: Any) -> Case:
    """One run; the switches of the modified code become attributes of the preset."""
    given = dict(group.attrs)
    model = Heliosphere.preset("helprop").replace(
        fixed_step=float(given.get("dt_s", 500.0)),
        mirrored_spiral=bool(given.get("krp_sign", 1) > 0),
        theta_scale=0.5 * float(given.get("fperp_scale", 1)),
        loss_inside_1au=bool(given.get("energy_mode", 0) == 1),
    )
    parameters = {
        "B0": float(given["B0_nT"]),
        "tilt": float(given["tilt_deg"]),
        "K0": float(given["K0_cm2_per_s"]) / 1e23,
        "a": float(given["index_a"]),
        "b": float(given["index_b"]),
    }
    samples = group["samples"]
    return Case(
        name=name,
        base=given["kind"] in ("base", b"base"),
        model=model,
        species=nuclide(int(given["A_nucleon"]), int(given["Z"])),
        polarity=int(given["polarity"]),
        kinetic_energy=float(given["ek_toa_GeV"]),
        parameters=parameters,
        exit_energy=samples["ek_exit_GeV"][:],
        colatitude=samples["theta_exit_rad"][:],
        time=samples["t_prop_day"][:],
    )


def nuclide(mass_number: int, charge: int) -> Species:
    """The species of A and Z."""
    for species in SPECIES.values():
        if (species.mass_number, species.charge) == (mass_number, charge):
            return species
    raise KeyError(f"A = {mass_number}, Z = {charge} is no species of ours")


def compare(case: Case, times: int = TIMES, seed: int = 1) -> Result:
    """Simulate a case with ``times`` as many particles and compare."""
    run = simulate(
        case.model,
        species=case.species,
        polarity=case.polarity,
        kinetic_energy=case.kinetic_energy,
        parameters=case.parameters,
        particles=times * case.exit_energy.size,
        seed=seed,
    )
    if run.truncated.any():
        raise RuntimeError(f"{case.name}: {int(run.truncated.sum())} particles hit the step cap")
    ours, our_sigma = mean(folded(run.exit_kinetic_energy[0], run.species))
    theirs, their_sigma = mean(folded(case.exit_energy, run.species))
    return Result(
        name=case.name,
        base=case.base,
        particles=run.exit_kinetic_energy.size,
        p_energy=float(ks_2samp(run.exit_kinetic_energy[0], case.exit_energy).pvalue),
        p_latitude=float(ks_2samp(run.exit_colatitude[0], case.colatitude).pvalue),
        ratio=ours / theirs,
        sigma=ours / theirs * math.hypot(our_sigma / ours, their_sigma / theirs),
        days=(mean(run.propagation_time[0]), mean(case.time)),
    )


def work(case: Case) -> float:
    """Steps of the reference's particles, to which ours are proportional."""
    return float(case.time.sum()) / case.model.fixed_step


def folded(exit_energy: FloatArray, species: Species) -> FloatArray:
    """J_LIS / p^2 of each particle: its mean is J_TOA / p_TOA^2."""
    return LIS(exit_energy) / momentum_from_kinetic_energy(exit_energy, species) ** 2


def mean(values: FloatArray) -> tuple[float, float]:
    """A mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size)


def line(result: Result) -> str:
    """One row of the printed table."""
    (ours, our_sigma), (theirs, their_sigma) = result.days
    return (
        f"{result.name:34s} {result.particles:6d}  {result.p_energy:7.4f}  {result.p_latitude:7.4f}  "
        f"{result.ratio:7.4f} +- {result.sigma:6.4f} ({(result.ratio - 1.0) / result.sigma:+4.1f} sigma)  "
        f"{ours:6.2f} +- {our_sigma:4.2f}  {theirs:6.2f} +- {their_sigma:4.2f}"
    )


def means(results: list[Result]) -> dict[str, tuple[float, float]]:
    """Mean ratio over the cases and its error, each case alike and each by its weight."""
    ratio = np.array([result.ratio for result in results])
    sigma = np.array([result.sigma for result in results])
    weight = sigma**-2 / (sigma**-2).sum()
    return {
        "plain": (float(ratio.mean()), float(np.sqrt((sigma**2).sum())) / len(results)),
        "weighted": (float(weight @ ratio), float((sigma**-2).sum() ** -0.5)),
    }


def misses(results: list[Result]) -> list[str]:
    """What breaks the criteria, in words; ``results`` are those of base cases."""
    threshold = P_TOTAL / (2 * len(results))
    found = []
    for result in results:
        for quantity, p in (("exit energy", result.p_energy), ("exit latitude", result.p_latitude)):
            if not p >= threshold:
                found.append(f"{result.name}: {quantity}, KS p = {p:.2g} < {threshold:.2g}")
        if result.sigma <= RATIO_SIGMA and not abs(result.ratio - 1.0) <= RATIO_LIMIT:
            found.append(f"{result.name}: J ratio {result.ratio:.4f} is further from 1 than {RATIO_LIMIT:g}")
    for name, (value, sigma) in means(results).items():
        if not abs(value - 1.0) <= SIGMAS * sigma:
            found.append(f"{name} mean J ratio {value:.5f} +- {sigma:.5f} is further from 1 than {SIGMAS:g} sigma")
    return found


def report(results: list[Result]) -> int:
    """Print the verdict over the base cases; the exit code."""
    base = [result for result in results if result.base]
    if not base:
        print("no base case in the reference: nothing to judge")
        return 2
    for name, (value, sigma) in means(base).items():
        print(f"mean J ratio over {len(base)} base cases, {name:8s}: {value:.5f} +- {sigma:.5f}")
    pulls = sum(((result.ratio - 1.0) / result.sigma) ** 2 for result in base)
    lowest = min(min(result.p_energy, result.p_latitude) for result in base)
    chance = float(chi2.sf(pulls, len(base)))
    print(f"chi2 of the J ratios: {pulls:.1f} for {len(base)} cases (p = {chance:.3f}), as information")
    print(f"lowest KS p: {lowest:.2g} of {2 * len(base)} tests, threshold {P_TOTAL / (2 * len(base)):.2g}")
    found = misses(base)
    print(f"verdict: {'MISSED, ' + '; '.join(found) if found else 'preset helprop reproduces the reference'}")
    return 1 if found else 0


def run() -> int:
    """Compare every case, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="HDF5 file (default: %(default)s)")
    parser.add_argument("--times", type=int, default=TIMES, help="our particles for one of theirs")
    parser.add_argument("--seed", type=int, default=1, help="of our random numbers (default: %(default)s)")
    parser.add_argument("--base-only", action="store_true", help="leave out the cases made with a modified code")
    arguments = parser.parse_args()
    if arguments.times < 1:
        parser.error(f"--times {arguments.times} must be at least 1")
    if not arguments.reference.is_file():
        if arguments.reference != REFERENCE:
            parser.error(f"--reference {arguments.reference}: no such file")
        print(f"SKIPPED: no reference at {arguments.reference}; nothing was compared")
        return 0
    try:
        cases = read_cases(arguments.reference, arguments.base_only)
    except (KeyError, OSError) as error:
        parser.error(f"--reference {arguments.reference} is not of the layout of {REFERENCE.name}: {error}")
    head = f"{'case':34s} {'ours':>6s}  KS p: T  KS p: θ  {'J ratio, ours / HELPROP':34s} "
    print(head + "time, ours [d]  HELPROP [d]")
    results = []
    with progress_bar(count=False, transient=True) as progress:
        task = progress.add_task("", total=sum(work(case) for case in cases))
        for case in cases:
            progress.update(task, description=case.name)
            results.append(compare(case, arguments.times, arguments.seed))
            progress.advance(task, work(case))
            print(line(results[-1]), flush=True)
    return report(results)


if __name__ == "__main__":
    sys.exit(run())
