"""The runner, on fake executables that behave as a real galprop does, at its best and at its worst."""

from __future__ import annotations

import inspect
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter import GalpropSettings, run_galprop

pytest.importorskip("astropy")

WRITER = inspect.getsource(
    runpy.run_path(str(Path(__file__).with_name("test_galprop_adapter_fits.py")))["write_nuclei"]
)
PARAMETERS = {"nu1": 2.0, "nu2": 2.3, "nu3": 2.2, "R_br1": 3.0, "R_br2": 300.0}
PARAMETERS |= {"D0": 5.0, "eta": 0.5, "delta": 0.45, "v_A": 12.0, "z_h": 4.0}
GALPROP = f"""#!{sys.executable}
import os, sys
import numpy as np

{WRITER}
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
keys = {{}}
with open(os.path.join(options["-g"], "galdef_56_" + options["-r"])) as file:
    for line in file:
        key, _, value = line.partition("#")[0].partition("=")
        keys[key.strip()] = value.strip()
start, step = np.log10(float(keys["Ekin_min"])), np.log10(float(keys["Ekin_factor"]))
count = int((np.log10(float(keys["Ekin_max"])) - start) / step + 1.9)
energy = 10.0 ** (start + step * np.arange(count))
index = float(keys["nuc_g_1"]) + float(keys["D_g_1"])
protons = float(keys["proton_norm_flux"]) * (energy / float(keys["proton_norm_Ekin"])) ** -index
told = ["D0_xx", "D_eta", "v_Alfven", "z_max", "nuc_g_0", "nuc_g_2", "nuc_rigid_br0", "nuc_rigid_br"]
flux = np.array([protons] + [np.full(count, 1e-20 * float(keys[key])) for key in told])
species = [("Hydrogen_1", 1, 1, 0)] + [("told", 3, 6, 0), ("told", 3, 7, 0), ("told", 4, 7, 0), ("told", 4, 9, 0)]
species += [("told", 5, 10, 0), ("told", 5, 11, 0), ("told", 6, 12, 0), ("told", 6, 13, 0)]
axes = [(0.0, float(keys["dr"])), (0.0, float(keys["dz"]))]
radii = np.ones(int(float(keys["r_max"]) / float(keys["dr"])) + 1)
name = os.path.join(options["-o"], "nuclei_56_" + options["-r"] + ".gz")
print("threads", os.environ["OMP_NUM_THREADS"], "data", os.listdir(options["-f"]))
"""
WORKS = GALPROP + "write_nuclei(name, species, flux[:, :, None, None] * radii, axes, start, step)\n"


def settings(folder: Path, script: str, **options: Any) -> GalpropSettings:
    """Settings for an executable with this content; it works in ``folder / "work"``."""
    executable = folder / "galprop"
    executable.write_text(script)
    executable.chmod(0o755)
    (folder / "work").mkdir()
    return GalpropSettings(executable, work_folder=folder / "work", **options)


def failure(chosen: GalpropSettings) -> tuple[str, Path]:
    """The message of a run that fails and its log, the only thing left."""
    with pytest.raises(FileError) as caught:
        run_galprop(chosen, PARAMETERS)
    assert chosen.work_folder is not None
    left = list(chosen.work_folder.iterdir())
    assert len(left) == 1 and left[0].is_file() and f"Log: {left[0]}" in str(caught.value)
    return str(caught.value), left[0]


def alive(process: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "gave up waiting"
        time.sleep(0.02)


def test_parameters_reach_galprop_and_spectra_come_back(tmp_path: Path) -> None:
    chosen = settings(tmp_path, WORKS)
    found = run_galprop(chosen, PARAMETERS)
    slope = np.diff(np.log(found.flux("proton_primary"))) / np.diff(np.log(found.kinetic_energy))
    np.testing.assert_allclose(slope, -2.75, rtol=1e-5)
    told = {"lithium6": 5e28, "lithium7": 0.5, "beryllium7": 12.0, "beryllium9": 4.0}
    told |= {"boron10": 2.0, "boron11": 2.2, "carbon12": 3e3, "carbon13": 3e5}
    for name, value in told.items():
        np.testing.assert_allclose(found.flux(name), 1e-20 * value * 1e7, rtol=1e-6)
    assert found.kinetic_energy[0] == pytest.approx(1e-3) and found.kinetic_energy[-1] == pytest.approx(1e5, rel=0.2)
    assert not list((tmp_path / "work").iterdir())


def test_found_on_the_path_with_data_and_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ISRF").touch()
    settings(tmp_path, GALPROP)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    chosen = GalpropSettings(Path("galprop"), fits_folder=tmp_path / "data", work_folder=tmp_path / "work", threads=3)
    message, _ = failure(chosen)
    assert "threads 3 data ['ISRF']" in message


def test_absent_or_not_executable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"executable = .*absent is no file"):
        run_galprop(GalpropSettings(tmp_path / "absent"), PARAMETERS)
    with pytest.raises(InputError, match="is no file"):
        run_galprop(GalpropSettings(tmp_path), PARAMETERS)
    (tmp_path / "galprop").write_text(WORKS)
    with pytest.raises(InputError, match="is not executable"):
        run_galprop(GalpropSettings(tmp_path / "galprop"), PARAMETERS)


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "galprop").touch(0o755)
    for key in ("fits_folder", "work_folder"):
        with pytest.raises(InputError, match=f"{key} = .* is no folder"):
            run_galprop(GalpropSettings(tmp_path / "galprop", **{key: tmp_path / "absent"}), PARAMETERS)


def test_of_another_machine(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "\x7fELF of something else")
    with pytest.raises(InputError, match="cannot be run: Exec format error"):
        run_galprop(chosen, PARAMETERS)
    assert not list((tmp_path / "work").iterdir())


def test_exit_status_with_a_message(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "#!/bin/sh\nseq 100\necho 'no gas maps, giving up' >&2\nexit 3\n")
    message, log = failure(chosen)
    assert "exit status 3" in message and "  | 100\n  | no gas maps, giving up\n" in message
    assert "  | 96\n" not in message
    content = log.read_text()
    assert content.startswith("1\n2\n") and "-r propmat -g " in content and "D0_xx                = 5e+28" in content


def test_killed_by_a_signal(tmp_path: Path) -> None:
    message, _ = failure(settings(tmp_path, "#!/bin/sh\nkill -SEGV $$\n"))
    assert "crashed: signal 11 (Segmentation fault)" in message and "(no output)" in message


def test_time_limit_ends_the_children_too(tmp_path: Path) -> None:
    script = f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/child\necho step 1 of many\nwait\n"
    start = time.monotonic()
    message, _ = failure(settings(tmp_path, script, timeout=1.0))
    assert 1.0 <= time.monotonic() - start < 10.0
    assert "timeout = 1 s" in message and "step 1 of many" in message
    wait_until(lambda: not alive(int((tmp_path / "child").read_text())))


def test_children_left_behind_are_ended(tmp_path: Path) -> None:
    failure(settings(tmp_path, f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/child\n"))
    wait_until(lambda: not alive(int((tmp_path / "child").read_text())))


def test_success_without_output(tmp_path: Path) -> None:
    """GALPROP's main returns 0 whatever became of the run."""
    message, _ = failure(settings(tmp_path, "#!/bin/sh\necho 'FATAL: problem reading from galdef file'\n"))
    assert "wrote no nuclei file nuclei_56_propmat.gz" in message and "problem reading from galdef" in message


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("os.truncate(name, os.path.getsize(name) // 2)", "truncated or no FITS file"),
        ("open(name, 'w').write('core dumped')", "truncated or no FITS file"),
    ],
)
def test_damaged_output(tmp_path: Path, damage: str, expected: str) -> None:
    message, _ = failure(settings(tmp_path, f"{WORKS}{damage}\n"))
    assert expected in message and "threads 1" in message


@pytest.mark.parametrize("change", ["flux[0] *= 1e3", "flux[0] = 0", "flux[0, energy > 5e4] = 0"])
def test_a_normalisation_that_failed(tmp_path: Path, change: str) -> None:
    """GALPROP then says so and stores what it has."""
    message, _ = failure(settings(tmp_path, WORKS.replace("write_nuclei(name", f"{change}\nwrite_nuclei(name")))
    assert "did not normalise" in message and "at 100 GeV instead of 0.044" in message


def test_wrong_parameters_start_nothing(tmp_path: Path) -> None:
    chosen = settings(tmp_path, f"#!/bin/sh\ntouch {tmp_path}/started\n")
    with pytest.raises(InputError, match="z_h = 100"):
        run_galprop(chosen, PARAMETERS | {"z_h": 100.0})
    assert not (tmp_path / "started").exists() and not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_kill_galprop_then_take_effect(tmp_path: Path, number: signal.Signals) -> None:
    """Nothing runs on, nothing is left, and the caller ends as its own handlers would have it."""
    chosen = settings(
        tmp_path,
        f"#!/bin/sh\ncd {tmp_path}\nsleep 600 &\necho $$ $! > part\nmv part run\nwait\n",
    )
    program = (
        "from pathlib import Path\n"
        "from propmat.galaxy.galprop_adapter import GalpropSettings, run_galprop\n"
        f"settings = GalpropSettings(Path({str(chosen.executable)!r}), work_folder=Path({str(chosen.work_folder)!r}))\n"
        f"run_galprop(settings, {PARAMETERS})\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    try:
        wait_until((tmp_path / "run").exists)
        caller.send_signal(number)
        assert caller.wait(20) == -number
    finally:
        caller.kill()
        caller.wait()
    processes = [int(word) for word in (tmp_path / "run").read_text().split()]
    wait_until(lambda: not any(alive(process) for process in processes))
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("raises", [False, True])
def test_handlers_of_the_caller_get_the_signal(tmp_path: Path, raises: bool) -> None:
    """Those that raise, as the command line's do, and those that only take a note."""
    noted: list[int] = []

    def handler(number: int, frame: object) -> None:
        assert not list((tmp_path / "work").iterdir()), "tidied up before"
        noted.append(number)
        if raises:
            raise TimeoutError

    chosen = settings(tmp_path, "#!/bin/sh\nkill -TERM $PPID\nsleep 600\n")
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(TimeoutError if raises else KeyboardInterrupt):
            run_galprop(chosen, PARAMETERS)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert noted == [signal.SIGTERM]


def test_handlers_are_given_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    failure(settings(tmp_path, "#!/bin/sh\nexit 1\n"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
