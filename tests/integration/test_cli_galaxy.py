"""The command line on the Galaxy: a store that fills, says what it is, goes on, and is not taken for another."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "samples"))

from fake_spectra import fake_spectra

from propmat.cli import main
from propmat.errors import FileError
from propmat.galaxy import Galaxy
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import GALAXY
from propmat.samples import SpectraStore
from propmat.species import FloatArray

TINY = ["samples=sobol_small", "samples.count=5", "samples.shard_size=2"]


class FakeGalaxy(Galaxy):
    """The model with another solver."""

    @property
    def species(self) -> tuple[str, ...]:
        return ("proton", "antiproton")

    def solve_many(self, points: FloatArray, **_: Any) -> Iterator[LocalSpectra]:
        return map(fake_spectra, points)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("propmat.galaxy.Galaxy", FakeGalaxy)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The message of a command line that must end in an error."""
    capsys.readouterr()
    assert main(list(words)) == 2
    _, mark, message = capsys.readouterr().err.rpartition("propmat: ")  # behind a progress bar, if work had begun
    assert mark and "Traceback" not in message
    return message


@pytest.mark.usefixtures("fake")
def test_a_store_fills_and_says_what_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["simulator=galaxy", *TINY, "simulator.energies=100", f"output={tmp_path}/store"]
    assert main(["simulate", *words, "samples.matrices=[[proton,antiproton]]"]) == 0
    captured = capsys.readouterr()
    assert "5/5" in captured.err and "left" in captured.err
    assert "5 samples of 2 species at 12 energies" in captured.out
    assert main(["data", "verify", f"store={tmp_path}/store"]) == 0
    assert main(["info", f"{tmp_path}/store"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"simulator +galaxy \S+, model converged\*\n", text)
    for line in (
        r"samples +5 points of galaxy",
        r"energies +12, 0.01-10000 GeV/n",
        r"species +proton, antiproton",
        r"parts +proton_primary",
        r"matrices +proton to antiproton",
        r"files +3 of 3 finished; 0\.\d+ MB",
        r"D0 +1 to 20 1e28 cm2/s",
        r"command +propmat simulate simulator=galaxy",
    ):
        assert re.search(rf"\n  {line}", text), line


@pytest.mark.usefixtures("fake")
def test_a_store_is_gone_on_with(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["simulate", "simulator=galaxy", *TINY, f"output={tmp_path}/store"]
    assert main(words) == 0
    store = SpectraStore.open(tmp_path / "store")
    whole = store.digest()
    store.shard_path(1).unlink()
    assert "resume=true" in refused(capsys, *words)
    assert main([*words, "resume=true"]) == 0
    assert SpectraStore.open(tmp_path / "store").digest() == whole
    assert "design.seed" in refused(capsys, *words, "samples.seed=1", "resume=true")
    assert "model.energies" in refused(capsys, *words, "simulator.energies=150", "resume=true")


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("simulator=galaxy", "simulator=galaxy has the parameters nu1"),
        ("simulator=galprop", "choose others, such as samples=sobol_small"),
        ("samples=sobol_small", "choose others, such as samples=heliosphere_small"),
        ("simulator=galaxy samples=sobol_small simulator.preset=convergd", "Did you mean 'converged'"),
        ("simulator=galaxy samples=sobol_small simulator.kind=galaxi", "Did you mean 'galaxy'"),
        ("simulator=galaxy samples=sobol_small simulator.energies=3", "energies = 3 is outside"),
        ("simulator=galaxy samples=sobol_small simulator.tables=no/such.h5", "no/such.h5"),
        ("simulator=galaxy samples=sobol_small samples.count=0", "count = 0 is outside"),
        ("simulator=galaxy samples=sobol_small samples.particles=3", "unknown key 'samples.particles'"),
        ("simulator=galaxy samples=sobol_small samples.matrices=[[proton]]", "must have 2 entries"),
        ("simulator=galaxy samples=sobol_small samples.matrices=[[protn,proton]]", "Did you mean 'proton'"),
        ("simulator=galprop samples=sobol_small samples.matrices=[[proton,proton]]", "galprop tells none"),
        ("simulator=galprop samples=sobol_small simulator.threads=0", "threads = 0 is outside"),
    ],
)
def test_wrong_values_are_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, "simulate", *words.split())
    assert not list(tmp_path.iterdir()), "a refused command must leave nothing behind"


@pytest.mark.usefixtures("fake")
def test_what_is_made_for_the_heliosphere_refuses_a_galactic_store(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert main(["simulate", "simulator=galaxy", *TINY, f"output={store}"]) == 0
    held = "holds local interstellar spectra of the Galaxy"
    message = refused(capsys, "train", f"data.store={store}", f"output={tmp_path}/emulator")
    assert f"{held}, and these settings are for other samples: add experiment=galaxy_small" in message
    message = refused(capsys, "evaluate", f"store={store}", f"output={tmp_path}/score")
    assert f"{held}; histograms of exit energies from the heliosphere are needed" in message


def test_galprop_fills_the_same_kind_of_store_except_where_it_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[dict[str, float]] = []
    broken = True

    def run(settings: Any, parameters: dict[str, float]) -> LocalSpectra:
        runs.append(parameters)
        if broken and len(runs) > 3 and parameters == runs[3]:
            raise FileError("galprop crashed: ended by SIGSEGV.")
        return fake_spectra(np.array(list(parameters.values())))

    monkeypatch.setattr("propmat.galaxy.galprop_adapter.run_galprop", run)
    words = ["simulate", "simulator=galprop", *TINY, f"output={tmp_path}/store", "production.workers=1"]
    message = refused(capsys, *words)
    assert f"attempt 3 of 3: sample 3 (nu1 = {runs[3]['nu1']:.9g}, " in message and "galprop crashed" in message
    assert shlex.join(["propmat", *words, "resume=true"]) in message
    assert SpectraStore.open(tmp_path / "store").missing() == (1,)
    broken = False
    runs.clear()
    assert main([*words, "resume=true"]) == 0
    assert len(runs) == 2 and not SpectraStore.open(tmp_path / "store").missing()
    assert main(["info", f"{tmp_path}/store"]) == 0
    assert "simulator    galprop 56, model galprop" in capsys.readouterr().out


def test_own_galprop_outputs_are_imported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = GALAXY.sobol(2, seed=1)
    monkeypatch.setattr("propmat.samples.galprop.read_nuclei", lambda path: fake_spectra(np.loadtxt(path)))
    rows = [",".join(["path", *GALAXY.names])]
    for number, point in enumerate(points):
        np.savetxt(tmp_path / f"nuclei_56_{number}", point)
        rows.append(",".join([f"nuclei_56_{number}", *map(str, point.tolist())]))
    (tmp_path / "list.csv").write_text("\n".join(rows))
    words = ["data", "import", "format=galprop", f"output={tmp_path}/store"]
    assert "missing nu1" in refused(capsys, *words, f"files={tmp_path}")
    assert "B0: not for format=galprop" in refused(capsys, *words, f"files={tmp_path}", "B0=5")
    assert "Did you mean 'galprop'" in refused(capsys, *words[:2], "format=galprp", f"files={tmp_path}")
    assert not (tmp_path / "store").exists()
    assert main([*words, f"manifest={tmp_path}/list.csv"]) == 0
    assert "2 samples of 2 species" in capsys.readouterr().out
    assert main(["info", f"{tmp_path}/store"]) == 0
    assert "imported     2 files, nuclei_56_0 to nuclei_56_1" in capsys.readouterr().out
    np.testing.assert_allclose(SpectraStore.open(tmp_path / "store").read().parameters, points, rtol=1e-8)


def test_the_real_solver_fills_a_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["simulator=galaxy", *TINY, "samples.count=2", "samples.matrices=[[proton,antiproton]]"]
    assert main(["simulate", *words, f"output={tmp_path}/store"]) == 0
    store = SpectraStore.open(tmp_path / "store")
    grid, table = store.header.grid, store.read()
    assert {"proton", "antiproton", "helium4", "boron11", "carbon12"} <= set(grid.species)
    assert {"proton_primary", "antiproton_tertiary"} <= set(grid.parts)
    parameters = dict(zip(GALAXY.names, table.parameters[1].tolist(), strict=True))
    solved = Galaxy.preset("converged").solve(parameters)
    np.testing.assert_allclose(table.fluxes[1, grid.species.index("boron11")], solved.flux("boron11"), rtol=1e-9)
    np.testing.assert_allclose(table.matrices[1, 0], solved.green("proton", "antiproton"), rtol=1e-5, atol=1e-30)
    assert main(["info", f"{tmp_path}/store"]) == 0
    assert "model converged\n" in capsys.readouterr().out
