"""A fit end to end on real rotations with a stand-in emulator, and every input error before any work."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from fit_toy_emulator import ToyEmulator

from propmat.errors import FileError, InputError
from propmat.fit import FitConfig, FitResult, SamplerConfig, run_fit

SHORT = SamplerConfig(walkers=24, steps=40, burn=10, chunk=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fit") / "run"


@pytest.fixture(scope="module")
def result(folder: Path) -> FitResult:
    return run_fit(FitConfig(sampler=SHORT), folder, emulator=ToyEmulator())


def test_result_is_what_the_file_says(folder: Path, result: FitResult) -> None:
    assert FitResult.read(folder / "result.json") == result
    assert {path.name for path in folder.iterdir()} == {"chain.h5", "result.json"}


def test_parts_of_chi_square_add_up(result: FitResult) -> None:
    for quality in (result.propmat, result.force_field):
        parts = quality.rotations + quality.nuisances + quality.voyager + quality.prior
        assert quality.chi2 == pytest.approx(parts, rel=1e-12)
    assert result.propmat.dof == 2 * 11 + 15 - 6
    assert sum(rotation.proton.chi2 for rotation in result.rotations) == pytest.approx(result.propmat.rotations)


def test_estimates_are_ordered_and_inside_the_prior(result: FitResult) -> None:
    for rotation in result.rotations:
        for name in ("K0", "a", "b"):
            estimate, allowed = getattr(rotation, name), ToyEmulator.parameters[name]
            assert allowed.low <= estimate.low < estimate.median < estimate.high <= allowed.high
        assert rotation.a.best <= rotation.b.best


def test_contrasts_are_ratios_of_the_two_rotations(result: FitResult) -> None:
    proton, antiproton = result.contrasts
    assert (proton.species, antiproton.species) == ("proton", "antiproton")
    assert (proton.reference, proton.rotation) == (2531, 2543)
    assert np.abs(np.array(proton.data) - 1.0).max() < 0.02
    # Bins 4.02-4.88 and 4.88-5.9 GV: the contrast that no model of one potential makes.
    assert np.allclose(antiproton.data[3:5], [1.29, 1.21], atol=0.01)
    first, second = (rotation.antiproton for rotation in result.rotations)
    assert np.allclose(antiproton.propmat.best, np.divide(second.propmat.best, first.propmat.best))


def test_a_free_normalisation_never_fits_worse(result: FitResult) -> None:
    for rotation in result.rotations:
        assert rotation.antiproton.chi2_free_normalisation <= rotation.antiproton.chi2


def test_second_run_needs_resume_and_resuming_a_finished_one_changes_nothing(folder: Path, result: FitResult) -> None:
    with pytest.raises(InputError, match="not empty: resume=true"):
        run_fit(FitConfig(sampler=SHORT), folder, emulator=ToyEmulator())
    assert run_fit(FitConfig(sampler=SHORT), folder, resume=True, emulator=ToyEmulator()) == result


@pytest.mark.parametrize(
    ("change", "strength"),
    [({"emulator_error": 0.02}, 0.06), ({"rotations": (2531, 2532)}, 0.06), ({}, 0.07)],
)
def test_resuming_another_problem_is_refused(
    folder: Path, result: FitResult, change: dict[str, object], strength: float
) -> None:
    config = dataclasses.replace(FitConfig(sampler=SHORT), **change)
    with pytest.raises(FileError, match="another problem"):
        run_fit(config, folder, resume=True, emulator=ToyEmulator(strength))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotations": (2531, 9999)}, "9999"),
        ({"rotations": ()}, "rotations"),
        ({"rotations": (2531, 2531)}, "repetition"),
        ({"tilt": "X"}, "tilt"),
        ({"sampler": SamplerConfig(walkers=20)}, r"walkers = 20 .* 12 parameters; allowed: at least 24"),
        ({"systematics": "nuisances"}, "Did you mean 'nuisance'"),
        ({"emulator_error": -0.1}, r"emulator_error = -0.1 .* \[0, 1\]"),
        ({"emulator_error": float("nan")}, "emulator_error = nan"),
        ({"lis_width": 0.0}, "lis_width"),
        ({"emulator": "heliosfere"}, "heliosfere"),
    ],
)
def test_bad_input_fails_before_any_work(tmp_path: Path, change: dict[str, object], message: str) -> None:
    emulator = None if "emulator" in change else ToyEmulator()
    with pytest.raises(InputError, match=message):
        run_fit(dataclasses.replace(FitConfig(), **change), tmp_path / "out", emulator=emulator)
    assert not (tmp_path / "out" / "chain.h5").exists()


def test_conditions_outside_the_emulator_name_parameter_and_both_ranges(tmp_path: Path) -> None:
    emulator, space = ToyEmulator(), ToyEmulator.parameters
    narrow = tuple(dataclasses.replace(p, low=4.5) if p.name == "B0" else p for p in space.parameters)
    emulator.parameters = dataclasses.replace(space, parameters=narrow)
    message = r"B0 = 4\.03 nT of rotation 2543 .* domain \[4\.5, 9\]; .* span \[4\.03, 4\.72\] nT"
    with pytest.raises(InputError, match=message):
        run_fit(FitConfig(), tmp_path / "out", emulator=emulator)


def test_bad_sampler_settings_name_key_and_range() -> None:
    with pytest.raises(InputError, match=r"sampler.burn = 50 .* \[0, 39\]"):
        SamplerConfig(steps=40, burn=50)
    with pytest.raises(InputError, match=r"sampler.chunk = 0"):
        SamplerConfig(chunk=0)


def test_damaged_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema": 1}))
    with pytest.raises(FileError, match="not the result of a fit"):
        FitResult.read(path)


def test_output_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be used"):
        run_fit(FitConfig(), tmp_path / "file" / "run", emulator=ToyEmulator())
