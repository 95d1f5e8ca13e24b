"""The command line as a person uses it: help, mistakes, and the whole road on a toy heliosphere."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from toy_road import ToyHistograms, toy_simulate, toy_store

from propmat.cli import main
from propmat.cli.main import COMMANDS
from propmat.samples import SampleStore
from propmat.transfer import TransferGrid

SMALL = ["emulator.n_basis=8", "emulator.hidden=16", "emulator.latent=8", "trainer.threads=1", "trainer.batch_size=16"]
SHORT = ["optimizer.schedulefree.epochs=25", "optimizer.sgd.epochs=2", "optimizer.schedulefree.warmup_steps=10"]
BRIEF = ["fit.sampler.steps=40", "fit.sampler.burn=20", "fit.sampler.chunk=20"]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders of every command, on a toy heliosphere."""
    folder = tmp_path_factory.mktemp("road")
    toy_store(folder / "samples", count=48, particles=200, seed=1)
    toy_store(folder / "test", count=4, particles=500, seed=2)
    bundle = f"bundle={folder}/emulator/emulator.safetensors"
    assert main(["train", f"data.store={folder}/samples", f"output={folder}/emulator", *SMALL, *SHORT]) == 0
    assert main(["evaluate", bundle, f"store={folder}/test", f"output={folder}/evaluation"]) == 0
    assert main(["fit", bundle, f"output={folder}/fit", *BRIEF]) == 0
    runs = [f"runs.fit={folder}/fit", f"runs.train={folder}/emulator", f"runs.evaluate={folder}/evaluation"]
    assert main(["report", *runs, f"runs.simulate={folder}/test", f"output={folder}/report"]) == 0
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The message of a command line that must be refused."""
    capsys.readouterr()
    assert main(list(words)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("propmat: ") and "Traceback" not in captured.err
    return captured.err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from propmat.cli import main; main(['--help']); "
        "sys.exit(bool({'torch', 'numba', 'hydra', 'matplotlib', 'lightning', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples:" in text and f"propmat {command}" in text and "  # " in text


def test_help_shows_the_config_that_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--help", "experiment=heliosphere_tiny"]) == 0
    assert re.search(r"output: runs/heliosphere_tiny\s+# folder of the sample store", capsys.readouterr().out)


def test_mistakes_name_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'simulate'" in refused(capsys, "simulat")
    assert "Did you mean 'emulator.n_basis'" in refused(capsys, "train", "emulator.n_bases=3")
    assert "Did you mean 'heliosphere_tiny'" in refused(capsys, "simulate", "experiment=heliosphere_tin")
    assert "Did you mean 'verify'" in refused(capsys, "data", "verfy")
    assert "nothing_like_it" in refused(capsys, "info", "nothing_like_it")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("simulate samples.count=0", "count = 0 is outside the allowed range [1, 1e+06]"),
        ("simulate samples.count=many", "samples.count = 'many' must be a whole number"),
        ("simulate samples.channels=[{species:protn,polarity:1}]", "Did you mean 'proton'"),
        ("simulate samples.channels=[{species:proton,polarity:2}]", "polarity = 2"),
        ("simulate samples.space=heliospher", "Did you mean 'heliosphere'"),
        ("simulate simulator.preset=papr", "Did you mean 'paper'"),
        ("simulate simulator.r_hp=nan", "simulator.r_hp is NaN"),
        ("simulate simulator.r_hp=0.5", "must enclose the Earth"),
        ("train optimizer.schedulefree.lr=nan", "optimizer.schedulefree.lr is NaN"),
        ("train optimizer.schedulefree.lr=-1", "optimizer.schedulefree.lr = -1.0 is outside the allowed range"),
        ("train emulator.n_basis=1000", "emulator.n_basis = 1000 is outside the allowed range [1, 256]"),
        ("train trainer.loss=multinomal", "Did you mean 'multinomial'"),
        ("train data.store=no/such/store", "no/such/store does not exist"),
        ("fit rotations=[2531,9999]", "rotation = 9999"),
        ("fit rotations=2531", "rotations=[1,2]"),
        ("fit rotations=[2531,2531]", "without repetition"),
        ("fit fit.systematics=quadratur", "Did you mean 'quadrature'"),
        ("fit fit.tilt=M", "Valid: L, R"),
        ("fit bundle=no/such.safetensors", "no/such.safetensors does not exist"),
        ("evaluate target=0", "target = 0.0 must be positive"),
        ("report runs.fit=no/such/run", "runs.fit = no/such/run is not a folder"),
        ("data verify", "needs store=..."),
        ("data import", "needs files=... or manifest=..."),
        ("data import files=no/such.csv", "no/such.csv does not exist"),
        ("data import files=x.csv B0=strong", "B0 = 'strong' must be a number"),
        ("data import files=x.csv speces=proton", "Did you mean 'species'"),
    ],
)
def test_wrong_values_are_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *words.split())
    assert not list(tmp_path.iterdir()), "a refused command must leave nothing behind"


def test_refusal_takes_no_time() -> None:
    """Hydra's imports included."""
    start = time.monotonic()
    command = [sys.executable, "-m", "propmat.cli", "train", "emulator.n_bases=3"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "n_basis" in result.stderr
    assert time.monotonic() - start < 5.0, "generous, for a busy machine: about half a second is usual"


def test_the_road_ends_in_a_page_with_figures_and_numbers(road: Path) -> None:
    page = (road / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == page.count("<figure>") == 9
    for number in ("2531", "2543", "χ²/dof", "K0 [1e23 cm2/s]", "force field", "Phys. Rev. Lett. 134, 051002", "torch"):
        assert number in page, number


def test_every_run_keeps_its_config(road: Path) -> None:
    for name in ("emulator", "evaluation", "fit", "report"):
        assert "output:" in (road / name / "config.yaml").read_text(encoding="utf-8")


def test_a_second_run_needs_resume(capsys: pytest.CaptureFixture[str], road: Path) -> None:
    bundle = f"bundle={road}/emulator/emulator.safetensors"
    before = {path: path.read_bytes() for path in road.rglob("*") if path.is_file()}
    for words in (
        ["train", f"data.store={road}/samples", f"output={road}/emulator", *SMALL, *SHORT],
        ["evaluate", bundle, f"store={road}/test", f"output={road}/evaluation"],
        ["fit", bundle, f"output={road}/fit", *BRIEF],
        ["report", f"runs.fit={road}/fit", f"output={road}/report"],
        ["simulate", "experiment=heliosphere_tiny", f"output={road}/samples"],
    ):
        assert "resume=true" in refused(capsys, *words)
    assert before == {path: path.read_bytes() for path in road.rglob("*") if path.is_file()}


def test_resume_refuses_other_settings(capsys: pytest.CaptureFixture[str], road: Path) -> None:
    bundle = f"bundle={road}/emulator/emulator.safetensors"
    message = refused(capsys, "fit", bundle, f"output={road}/fit", "rotations=[2531]", *BRIEF, "resume=true")
    assert "rotations = [2531]" in message and "[2531, 2543]" in message
    data = f"data.store={road}/samples"
    message = refused(capsys, "train", data, f"output={road}/emulator", *SMALL, *SHORT, "trainer.seed=5", "resume=true")
    assert "trainer.seed = 5" in message
    message = refused(capsys, "simulate", "experiment=heliosphere_tiny", f"output={road}/samples", "resume=true")
    assert "differ" in message


def test_a_fit_can_be_made_longer(capsys: pytest.CaptureFixture[str], road: Path, tmp_path: Path) -> None:
    shutil.copytree(road / "fit", tmp_path / "fit")
    bundle = f"bundle={road}/emulator/emulator.safetensors"
    longer = [word.replace("steps=40", "steps=60") for word in BRIEF]
    assert main(["fit", bundle, f"output={tmp_path}/fit", *longer, "resume=true"]) == 0
    assert "60 steps" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "cannot be used" in refused(capsys, "simulate", f"output={tmp_path}/new")
    finally:
        tmp_path.chmod(0o700)


def test_output_below_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "is a file" in refused(capsys, "simulate", f"output={tmp_path}/file")
    assert "cannot be used" in refused(capsys, "simulate", f"output={tmp_path}/file/below")


def test_damaged_store_and_bundle_are_named(capsys: pytest.CaptureFixture[str], road: Path, tmp_path: Path) -> None:
    shutil.copytree(road / "test", tmp_path / "store")
    shard = next((tmp_path / "store" / "shards").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-10])
    assert shard.name in refused(capsys, "data", "verify", f"store={tmp_path}/store")
    (tmp_path / "bad.safetensors").write_bytes(b"not a bundle")
    words = ["evaluate", f"bundle={tmp_path}/bad.safetensors", f"store={road}/test", f"output={tmp_path}/out"]
    assert "bad.safetensors" in refused(capsys, *words)


def test_data_and_info(capsys: pytest.CaptureFixture[str], road: Path) -> None:
    assert main(["data", "list"]) == 0
    assert "Phys. Rev. Lett. 134, 051002" in capsys.readouterr().out
    assert main(["data", "verify", f"store={road}/samples"]) == 0
    assert "none damaged, complete" in capsys.readouterr().out
    assert main(["info"]) == 0
    assert "torch" in capsys.readouterr().out
    assert main(["info", f"{road}/samples"]) == 0
    assert "48 points of heliosphere in 2 channels" in capsys.readouterr().out
    assert main(["info", f"{road}/emulator/emulator.safetensors"]) == 0
    assert "0.03 to 1.5 1e23 cm2/s" in capsys.readouterr().out


def test_simulate_then_info(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The real simulator, as small as it gets."""
    words = ["experiment=heliosphere_tiny", "samples.count=1", "samples.particles=2", f"output={tmp_path}/store"]
    assert main(["simulate", *words]) == 0
    capsys.readouterr()
    assert main(["info", f"{tmp_path}/store"]) == 0
    text = capsys.readouterr().out
    assert "1 points of heliosphere in 2 channels" in text and "1 of 1 finished" in text
    assert f"propmat simulate {' '.join(words)}" in text


def own_runs(folder: Path, points: int) -> None:
    """Matrices as HELPROP would write them, linear bins of 0.1 GeV, of a toy heliosphere in both polarities."""
    folder.mkdir()
    edges = np.arange(0.3, 60.05, 0.1)
    grid = TransferGrid.absolute(np.geomspace(0.4, 40.0, 8), edges)
    for number, polarity in itertools.product(range(points), (1, -1)):
        point = {"B0": 4.0 + 0.5 * number, "tilt": 10.0, "K0": 0.1 + 0.05 * number, "a": 0.5, "b": 2.0}
        arguments = {"species": "proton", "polarity": polarity, "particles": 300, "seed": number}
        counts = toy_simulate(grid=grid, parameters=point, **arguments).counts
        lines = [f"# {key} = {value}" for key, value in (point | {"polarity": polarity, "particles": 300}).items()]
        lines.append(",".join(["T [GeV]", *(f"{edge:.2f}" for edge in edges)]))
        rows = zip(grid.toa.tolist(), counts / 300, strict=True)
        lines += [f"{energy!r},{','.join(map(str, row))}" for energy, row in rows]
        (folder / f"run_{number}_{polarity:+d}.csv").write_text("\n".join(lines))


def test_own_runs_are_imported_described_and_trained_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own_runs(tmp_path / "mine", 6)
    words = ["data", "import", f"files={tmp_path}/mine", f"output={tmp_path}/store"]
    assert "missing species" in refused(capsys, *words)
    assert not (tmp_path / "store").exists()
    words += ["species=proton", "version=2025"]
    assert main(words) == 0
    assert "12 samples of 6 points in 2 channels" in capsys.readouterr().out
    assert "is not empty" in refused(capsys, *words)
    assert main([*words, "resume=true"]) == 0
    assert main(["data", "verify", f"store={tmp_path}/store"]) == 0
    assert main(["info", f"{tmp_path}/store"]) == 0
    text = capsys.readouterr().out
    assert "helprop 2025" in text and "12 files, run_0_+1.csv to run_5_-1.csv" in text and "8 energies" in text
    assert "none of 28800 particles" in text and "species=proton version=2025" in text
    assert main(["train", f"data.store={tmp_path}/store", f"output={tmp_path}/emulator", *SMALL, *SHORT]) == 0
    assert main(["info", f"{tmp_path}/emulator/emulator.safetensors"]) == 0
    assert '"simulator": "helprop"' in capsys.readouterr().out


def test_channels_that_are_one_are_simulated_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("propmat.samples.production.heliosphere_simulate", lambda header, **_: toy_simulate)
    pairs = [f"{{species:{species},polarity:{sign}}}" for species in ("proton", "antiproton") for sign in (1, -1)]
    words = ["experiment=heliosphere_tiny", f"samples.channels=[{','.join(pairs)}]", f"output={tmp_path}/store"]
    assert main(["simulate", *words]) == 0
    text = capsys.readouterr().out
    assert "antiproton at polarity +1 has the transfer matrices of proton at polarity -1: simulated once" in text
    assert "antiproton at polarity -1 has the transfer matrices of proton at polarity +1: simulated once" in text
    assert len(SampleStore.open(tmp_path / "store").read()) == 4  # two points in two channels


def test_particles_given_up_are_told_on_the_road(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(**arguments: Any) -> ToyHistograms:
        found = toy_simulate(**arguments)
        first = (np.arange(len(found.counts))[:, None], found.counts.argmax(axis=1)[:, None])
        found.counts[first] -= 1
        return replace(found, truncated=found.truncated + 1)

    monkeypatch.setattr("propmat.samples.production.heliosphere_simulate", lambda header, **_: lossy)
    words = ["simulate", "experiment=heliosphere_tiny", f"output={tmp_path}/store"]
    assert main(words) == 0
    assert "warning: in no column of the histograms: 112 of 5600 particles, in 4 samples" in capsys.readouterr().err
    assert main(["info", f"{tmp_path}/store"]) == 0
    assert "in no column 112 of 5600 particles, in 4 samples; at worst 2.00% of a row" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_simulation_says_how_to_go_on(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    calls = 0

    def interrupted(**arguments: Any) -> ToyHistograms:
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), number)
        return toy_simulate(**arguments)

    monkeypatch.setattr("propmat.samples.production.heliosphere_simulate", lambda header, **_: interrupted)
    words = ["simulate", "samples=heliosphere_tiny", "samples.shard_size=1", f"output={tmp_path}/store"]
    assert main(words) == code
    message = capfd.readouterr().err
    assert shlex.join(["propmat", *words, "resume=true"]) in message and "Traceback" not in message
    store = SampleStore.open(tmp_path / "store")
    assert store.missing() == (2, 3) and not store.verify()
    assert main([*words, "resume=true"]) == 0
    assert not store.missing() and calls == 5
