"""Antiproton cross sections: kinematics, symmetry, published data, and the reference's tables where they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.galaxy.antiprotons import (
    ANTIPROTON_SETS,
    KORSMEIER_2018,
    WINKLER_2017,
    AafragAntiprotons,
    TanNgAntiprotons,
    WinklerAntiprotons,
    get_antiprotons,
    tan_ng,
    winkler,
)
from propmat.galaxy.antiprotons.aafrag import _table
from propmat.galaxy.antiprotons.inelastic import (
    antiproton_proton_annihilation,
    antiproton_proton_survival,
)
from propmat.galaxy.antiprotons.kinematics import THRESHOLD, largest_antiproton_energy, mandelstam_s
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN, AntiprotonCrossSections
from propmat.galaxy.nuclei.inelastic import proton_nucleus, proton_proton
from propmat.species import FloatArray, get_species

REFERENCE = Path(__file__).parents[3].parent / "shared" / "reference" / "galprop_reference.h5"
PROTON, HELIUM = get_species("proton"), get_species("helium4")
MASS = 0.938272
FORMULAS: list[AntiprotonCrossSections] = [get_antiprotons(name) for name in ("winkler", "winkler_2017", "tan_ng")]
EVERY_FORMULA = pytest.mark.parametrize("cross_sections", FORMULAS, ids=lambda chosen: chosen.name)


def integrated(spectrum: FloatArray, energy: FloatArray) -> FloatArray:
    """(projectile,) integral over the antiproton's energy, on a logarithmic grid."""
    total: FloatArray = np.trapezoid(spectrum * energy, np.log(energy), axis=-1)
    return total


def made(chosen: AntiprotonCrossSections, species: str, beam: FloatArray, product: FloatArray) -> FloatArray:
    spectrum = chosen.production(get_species(species), beam, product)
    assert spectrum is not None
    return spectrum


@EVERY_FORMULA
def test_nothing_is_made_below_threshold_and_something_above(cross_sections: AntiprotonCrossSections) -> None:
    beam = np.array([1.0, 6.0 * MASS * (1.0 - 1e-9), 6.0 * MASS * 1.02, 7.0])
    spectrum = made(cross_sections, "proton", beam, np.geomspace(0.01, 10.0, 200))
    assert np.all(spectrum[:2] == 0.0)
    assert np.all(spectrum[2:].max(axis=1) > 0.0)
    at_rest_together = MASS * (np.sqrt(1.0 + THRESHOLD / (2.0 * MASS)) - 1.0)
    peak = np.geomspace(0.01, 10.0, 200)[spectrum[2].argmax()]
    assert peak == pytest.approx(at_rest_together, rel=0.2)


@EVERY_FORMULA
def test_no_antiproton_has_more_energy_than_three_protons_leave(cross_sections: AntiprotonCrossSections) -> None:
    beam = np.array([8.0, 30.0, 1000.0])
    product = np.geomspace(1e-3, 2e3, 400)
    spectrum = made(cross_sections, "proton", beam, product)
    s = mandelstam_s(beam)
    lorentz = np.sqrt(s) / (2.0 * MASS)
    energy = np.array([largest_antiproton_energy(value) for value in s.tolist()])
    hardest = lorentz * energy + np.sqrt((lorentz**2 - 1.0) * (energy**2 - MASS**2)) - MASS
    assert np.all(spectrum[product > hardest[:, None]] == 0.0)
    assert np.all(spectrum >= 0.0)
    carried = integrated(spectrum * (product + MASS), product)
    assert np.all(carried < (beam + MASS) * 35.0 * (1.0 + 5.0 * HELIUM_PER_HYDROGEN))


@pytest.mark.parametrize("kinetic_energy", [10.0, 100.0, 3000.0])
def test_the_total_is_the_same_in_the_lab_and_in_the_centre_of_mass(kinetic_energy: float) -> None:
    """Integral of (E d3sigma/dp3) d3p/E over the phase space of the centre of mass, which knows no boost."""
    product = np.geomspace(1e-4, 1e4, 3000)
    isospin = winkler.isospin_excess(mandelstam_s(np.array([kinetic_energy])))
    per_pp = 1.0 + 0.5 * HELIUM_PER_HYDROGEN * np.add(*winkler.nuclear_factors(KORSMEIER_2018, isospin, (1, 1), (4, 2)))
    lab = integrated(made(WinklerAntiprotons(), "proton", np.array([kinetic_energy]), product), product) / per_pp

    s = float(mandelstam_s(np.array([kinetic_energy]))[0])
    top = largest_antiproton_energy(s)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    cosine, cosine_weight = nodes[None, :], weights[None, :]
    root = np.sqrt(top - MASS)
    root_energy = 0.5 * root * (nodes[:, None] + 1.0)
    energy = MASS + root_energy**2
    momentum = np.sqrt(energy**2 - MASS**2)
    transverse = momentum * np.sqrt(1.0 - cosine**2)
    value = winkler.invariant_cross_section(s, energy + 0.0 * transverse, transverse)
    volume = 2.0 * np.pi * momentum * 2.0 * root_energy * 0.5 * root * weights[:, None] * cosine_weight
    antinucleons = 2.0 + winkler.isospin_excess(s) + 2.0 * winkler.hyperon_excess(s)
    np.testing.assert_allclose(lab, antinucleons * np.sum(value * volume), rtol=1e-3)


@pytest.mark.parametrize(("kind", "tolerance"), [(WinklerAntiprotons, 1e-3), (TanNgAntiprotons, 5e-3)])
def test_the_order_of_the_quadrature_does_not_matter(
    kind: type[WinklerAntiprotons] | type[TanNgAntiprotons], tolerance: float
) -> None:
    """Tan & Ng's formula jumps by 5 % at x_R = 0.5, which costs an order of magnitude."""
    beam, product = np.geomspace(6.0, 1e5, 25), np.geomspace(1e-3, 1e4, 60)
    default, fine = made(kind(), "helium4", beam, product), made(kind(order=200), "helium4", beam, product)
    seen = fine > 1e-6 * fine.max(axis=1, keepdims=True)
    np.testing.assert_allclose(default[seen], fine[seen], rtol=tolerance)


def test_beam_and_target_exchanged_make_as_many_antiprotons() -> None:
    """In p p half belong to either, so that all totals follow from p p and the nuclear factors."""
    beam, product = np.array([20.0, 200.0, 5000.0]), np.geomspace(1e-4, 1e4, 3000)
    isospin = winkler.isospin_excess(mandelstam_s(beam))
    halves = {
        pair: 0.5 * np.add(*winkler.nuclear_factors(KORSMEIER_2018, isospin, *pair))
        for pair in (((1, 1), (4, 2)), ((4, 2), (1, 1)), ((4, 2), (4, 2)))
    }
    np.testing.assert_allclose(halves[(1, 1), (4, 2)], halves[(4, 2), (1, 1)])
    of_protons = integrated(made(WinklerAntiprotons(), "proton", beam, product), product)
    of_helium = integrated(made(WinklerAntiprotons(), "helium4", beam, product), product)
    on_hydrogen, on_helium = halves[(4, 2), (1, 1)], halves[(4, 2), (4, 2)]
    expected = (on_hydrogen + HELIUM_PER_HYDROGEN * on_helium) / (1.0 + HELIUM_PER_HYDROGEN * on_hydrogen)
    np.testing.assert_allclose(of_helium / of_protons, expected, rtol=2e-3)


def test_fast_antiprotons_scale_with_the_projectile_and_slow_ones_less() -> None:
    """A^(D1+D2) where all belong to the projectile; A^D1 (per nucleon of gas) where none does."""
    beam, product = np.array([2000.0]), np.array([0.05, 600.0])
    protons, iron = (made(WinklerAntiprotons(WINKLER_2017), name, beam, product)[0] for name in ("proton", "iron56"))
    slow, fast = iron / protons
    assert fast == pytest.approx(56.0 ** (0.839 + 0.161), rel=0.1)
    assert slow == pytest.approx(56.0**0.839, rel=0.1)


@EVERY_FORMULA
def test_the_multiplicity_rises_with_energy(cross_sections: AntiprotonCrossSections) -> None:
    beam, product = np.geomspace(7.0, 1e5, 40), np.geomspace(1e-3, 1e5, 600)
    multiplicity = integrated(made(cross_sections, "proton", beam, product), product) / proton_proton(beam)
    assert np.all(np.diff(multiplicity) > 0.0)
    assert multiplicity[0] > 0.0


PUBLISHED = {
    "Dekkers et al., Phys. Rev. 137 (1965) B962": (6.718975, 0.12, [
        (0.0, 0.338105, 0.07216, 0.01412), (0.0, 0.393586, 0.04909, 0.00709), (0.0, 0.471249, 0.01724, 0.00227),
        (0.0, 0.557970, 0.00633, 0.00121), (0.0, 0.649258, 0.00209, 0.00050),
    ]),
    "NA61/SHINE, Eur. Phys. J. C 77 (2017) 671, 40 GeV/c": (8.766021, 0.06, [
        (0.15, 0.249483, 0.1335, 0.0287), (0.25, 0.254950, 0.1350, 0.0291), (0.35, 0.262937, 0.1186, 0.0274),
        (0.45, 0.273223, 0.0740, 0.0134), (0.55, 0.285560, 0.0479, 0.0103), (0.15, 0.269122, 0.1237, 0.0118),
        (0.35, 0.283635, 0.0894, 0.0186), (0.15, 0.299562, 0.0804, 0.0160), (0.35, 0.315716, 0.0566, 0.0131),
        (0.55, 0.342881, 0.0331, 0.0068), (0.35, 0.360468, 0.0380, 0.0077),
    ]),
    "NA49, Eur. Phys. J. C 65 (2010) 9, 158 GeV/c": (17.27020, 0.065, [
        (0.1, 0.111916, 0.581, 0.0213), (0.3, 0.119608, 0.404, 0.0121), (0.5, 0.240540, 0.086, 0.0050),
        (0.3, 0.328719, 0.0429, 0.0063), (0.7, 0.138844, 0.1102, 0.0090), (0.1, 0.190070, 0.260, 0.0191),
        (0.5, 0.126101, 0.230, 0.0126),
    ]),
}  # fmt: skip
"""Source -> sqrt s [GeV], uncertainty of the scale, rows of p_T [GeV], x_R, E d3sigma/dp3 [mb/GeV^2] and its error."""


@pytest.mark.parametrize("source", PUBLISHED)
@pytest.mark.parametrize("fit", [KORSMEIER_2018, WINKLER_2017], ids=["korsmeier", "winkler"])
def test_the_prompt_cross_section_meets_published_data(source: str, fit: winkler.WinklerParameters) -> None:
    """The weighted mean of formula over data is one within three times its error, the scale's included."""
    root_s, scale, rows = PUBLISHED[source]
    transverse, radial, measured, error = np.array(rows).T
    energy = radial * largest_antiproton_energy(root_s**2)
    ratio = winkler.invariant_cross_section(root_s**2, energy, transverse, fit) / measured
    weight = (measured / error) ** 2
    mean = np.sum(weight * ratio) / np.sum(weight)
    assert abs(mean - 1.0) < 3.0 * np.hypot(scale, np.sum(weight) ** -0.5)
    assert np.mean((ratio - mean) ** 2 * weight) < 3.0


def test_tan_and_ng_scale_radially_at_high_energy() -> None:
    """The same x_R and p_T give the same cross section at sqrt s = 50 and 500 GeV."""
    radial, transverse = np.array([0.1, 0.3, 0.7]), np.array([0.2, 0.5, 1.0])
    low, high = (
        tan_ng.invariant_cross_section(s, radial * largest_antiproton_energy(s), transverse)
        for s in (50.0**2, 500.0**2)
    )
    np.testing.assert_allclose(low, high, rtol=1e-6)


def test_inelastic_formulas_take_their_published_values() -> None:
    one, fast = np.array([1.0]), np.array([200.0 - MASS])
    total = antiproton_proton_annihilation(one) + antiproton_proton_survival(one)
    np.testing.assert_allclose(total, 24.7 * (1.0 + 0.584 + 0.856))
    np.testing.assert_allclose(antiproton_proton_survival(fast), 32.2)


def test_what_survives_is_part_of_what_reacts_and_annihilation_dies_out() -> None:
    energy = np.geomspace(0.01, 1e5, 400)
    chosen = WinklerAntiprotons()
    inelastic, survival = chosen.inelastic(energy), chosen.non_annihilation(energy)
    assert np.all(survival <= inelastic)
    assert np.all(survival[energy > 0.05] > 0.0)
    protons = proton_proton(energy) + HELIUM_PER_HYDROGEN * proton_nucleus(4, energy)
    np.testing.assert_allclose(inelastic[-1], protons[-1], rtol=0.01)


@pytest.mark.parametrize("name", ["deuteron", "electron", "antiproton"])
def test_what_is_no_projectile_has_no_table(name: str) -> None:
    for chosen in FORMULAS:
        assert chosen.production(get_species(name), np.array([10.0]), np.array([1.0])) is None
    assert TanNgAntiprotons().production(get_species("carbon12"), np.array([10.0]), np.array([1.0])) is None


@pytest.mark.parametrize("bad", [np.array([0.0]), np.array([np.nan]), np.array([[1.0]])])
def test_a_bad_energy_is_named(bad: FloatArray) -> None:
    good = np.array([10.0])
    with pytest.raises(InputError, match="projectile_energy"):
        WinklerAntiprotons().production(PROTON, bad, good)
    with pytest.raises(InputError, match="antiproton_energy"):
        TanNgAntiprotons().production(PROTON, good, bad)
    with pytest.raises(InputError, match="kinetic_energy"):
        WinklerAntiprotons().inelastic(bad)


def test_the_registry_names_its_sets_and_the_nearest_one() -> None:
    assert get_antiprotons().name == "winkler"
    assert [chosen.name for chosen in FORMULAS] == [name for name in ANTIPROTON_SETS if name != "aafrag"]
    with pytest.raises(InputError, match="Did you mean 'winkler'"):
        get_antiprotons("winkle")


# --- aafragpy, replaced by a small package with its interface ---------------------------------------------------------


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Yields E/T on hydrogen and twice that on helium, E the projectile's total energy; antineutrons thrice."""
    masses = {"p": 1, "He": 4, "C": 12, "Al": 27, "Fe": 56}

    def get_cross_section(
        secondary: str, pair: str, E_primaries: FloatArray, E_secondaries: FloatArray, outside_bounds: str = "raise"
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        projectile, target = pair.split("-")
        if target == "He" and projectile not in ("p", "He"):
            return None
        size = {"p": 1.0, "He": 2.0}[target] * {"ap": 1.0, "an": 3.0}[secondary]
        per_nucleon = E_primaries / masses[projectile]
        matrix = size * E_primaries[:, None] / E_secondaries
        assert outside_bounds == "zeros"
        matrix[per_nucleon < (15.0 if projectile in ("C", "Al", "Fe") else 4.0)] = 0.0
        return (matrix[None] if matrix.shape[0] == 1 else matrix), E_primaries, E_secondaries

    module = ModuleType("aafragpy")
    module.get_cross_section = get_cross_section  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "aafragpy", module)
    _table.cache_clear()
    yield module
    _table.cache_clear()


@pytest.mark.parametrize("name", ["proton", "helium3", "helium4", "carbon12", "oxygen16", "silicon28", "iron56"])
def test_aafrag_converts_energies_and_interpolates_per_nucleon(package: ModuleType, name: str) -> None:
    nucleus, product = get_species(name), np.array([0.5, 5.0])
    for beam in (np.array([20.0, 300.0]), np.array([50.0])):
        spectrum = AafragAntiprotons().production(nucleus, beam, product)
        per_nucleon = (beam + nucleus.mass_per_nucleon)[:, None]
        expected = nucleus.mass_number * per_nucleon / product * 4.0 * (1.0 + 2.0 * HELIUM_PER_HYDROGEN)
        assert spectrum is not None
        np.testing.assert_allclose(spectrum, expected, rtol=1e-3)


def test_aafrag_makes_nothing_below_its_tables(package: ModuleType) -> None:
    spectrum = AafragAntiprotons().production(get_species("carbon12"), np.array([8.0, 20.0]), np.array([1.0]))
    assert spectrum is not None
    assert spectrum[0, 0] == 0.0 < spectrum[1, 0]
    assert AafragAntiprotons().production(get_species("deuteron"), np.array([8.0]), np.array([1.0])) is None


def test_aafrag_says_how_to_install_what_it_needs(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    package.get_cross_section = lambda secondary, pair: None  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="aafragpy 2 or newer; install it with: pip install"):
        get_antiprotons("aafrag")
    monkeypatch.setitem(sys.modules, "aafragpy", None)
    with pytest.raises(InputError, match="need the package aafragpy; install it with: pip install"):
        get_antiprotons("aafrag")


# --- the reference's own tables, where they are -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> Iterator[dict[str, FloatArray]]:
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE} is not here")
    h5py = pytest.importorskip("h5py")
    with h5py.File(REFERENCE) as file:
        production = file["aux/pbar_production"]
        energy = production["Ekin_GeV_per_n"][:]
        jacobian = (energy + MASS) / np.sqrt(energy * (energy + 2.0 * MASS))
        yield {
            "energy": energy,
            "nucleons": file["aux/nucleon_cs_mb"][:],
            "qgsjet": production["dsigma_dp_KMO_mb_per_GeV"][:] * jacobian,
            "tan_ng": production["dsigma_dp_TanNg_mb_per_GeV"][:] * jacobian,
        }


def source_ratio(
    reference: dict[str, FloatArray], table: str, chosen: AntiprotonCrossSections, row: int, at: list[float]
) -> FloatArray:
    """Source term of a T^-2.7 flux of protons (row 0) or helium (1) over the reference's, at antiproton energies."""
    energy = reference["energy"]
    flux = energy**-2.7 * energy
    ours = flux @ made(chosen, ("proton", "helium4")[row], energy, energy)
    theirs = flux @ (reference[table][row, 0] + HELIUM_PER_HYDROGEN * reference[table][row, 1])
    ratio: FloatArray = np.interp(np.log(at), np.log(energy), ours / np.maximum(theirs, 1e-300))
    return ratio


@pytest.mark.parametrize("row", [0, 1], ids=["proton", "helium4"])
def test_the_default_source_is_near_qgsjet_above_10_gev_and_below_it_under(
    reference: dict[str, FloatArray], row: int
) -> None:
    """A difference of the models, on which docs/galaxy-antiprotons.md quotes the data, not of the code."""
    ratio = source_ratio(reference, "qgsjet", WinklerAntiprotons(), row, [0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
    np.testing.assert_allclose(ratio[3:], 1.0, atol=0.2)
    assert np.all(np.diff(ratio[:4]) > 0.0)
    assert np.all(ratio[:3] < 0.75)


@pytest.mark.parametrize("row", [0, 1], ids=["proton", "helium4"])
def test_tan_ng_is_near_the_reference_with_that_option(reference: dict[str, FloatArray], row: int) -> None:
    ratio = source_ratio(reference, "tan_ng", TanNgAntiprotons(), row, [1.0, 3.0, 10.0, 30.0, 100.0])
    np.testing.assert_allclose(ratio, 1.0, atol=0.2)


def test_destruction_is_near_the_reference(reference: dict[str, FloatArray]) -> None:
    table = reference["nucleons"]
    energy, _, _, survival, survival_helium, annihilation, annihilation_helium = table[table[:, 0] > 0.1].T
    survival = survival + HELIUM_PER_HYDROGEN * survival_helium
    inelastic = survival + annihilation + HELIUM_PER_HYDROGEN * annihilation_helium
    chosen = WinklerAntiprotons()
    np.testing.assert_allclose(chosen.inelastic(energy), inelastic, rtol=0.015)
    np.testing.assert_allclose(chosen.non_annihilation(energy), survival, rtol=0.015)
