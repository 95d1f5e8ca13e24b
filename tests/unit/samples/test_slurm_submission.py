"""Submission to Slurm without Slurm: its commands are stand-ins that note what they are asked."""

import json
import os
import subprocess
import sys

import pytest

from propmat.errors import FileError, InputError
from propmat.samples.slurm import check_slurm, submit, submitted
from propmat.samples.slurm_settings import SlurmSettings

pytest.importorskip("submitit")

SBATCH = """
if [ "$1" = --test-only ]; then cat > "$NOTES/tested"; [ ! -e "$NOTES/refuse" ] || { cat "$NOTES/refuse" >&2; exit 1; }
else cp "$1" "$NOTES/script"; echo "Submitted batch job 4711"; fi
"""
SRUN = """
while [[ "$1" == --* ]]; do [[ "$1" != --output ]] || shift; shift; done
exec "$@"
"""
SCONTROL = 'echo "$@" >> "$NOTES/requeued"'
SQUEUE = """
[ ! -e "$NOTES/queue.error" ] || { cat "$NOTES/queue.error" >&2; exit 1; }
cat "$NOTES/queue"
"""


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """A folder with what the stand-ins noted; they come first in PATH."""
    commands = {"sbatch": SBATCH, "srun": SRUN, "squeue": SQUEUE, "scancel": "", "scontrol": SCONTROL}
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in commands.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("NOTES", str(folder))
    (folder / "queue").write_text("RUNNING\nPENDING\n")
    return folder


def run_task(notes, **environment):
    """What the batch script does as a task of the array."""
    task = {"SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "2", "SLURM_JOB_ID": "4713"} | environment
    return subprocess.run(
        ["bash", notes / "script"], env=os.environ | task, capture_output=True, text=True, check=False
    )


def directives(notes):
    lines = (notes / "script").read_text().splitlines()
    return {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}


def test_a_task_runs_the_very_words_of_the_command(notes, tmp_path):
    words = ["a b", "'quoted'", '"', "$HOME", "`x`", "key=[1,{a: 2}]", "back\\slash", "*", "%j", ""]
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"
    submit([sys.executable, "-c", code, *words], tmp_path / "store with space", SlurmSettings(tasks=3))
    assert json.loads(run_task(notes).stdout) == words


def test_the_array_has_what_was_asked_for(notes, tmp_path):
    settings = SlurmSettings(
        tasks=7, cpus_per_task=3, time=90, memory=1.5, gpus=2, partition="long", account="cr", qos="low", grace=120,
        constraint="avx512", options=("exclude=node[1-3]", "exclusive"), setup=("export FROM_SETUP='it is set'",),
    )  # fmt: skip
    array = submit(
        ["bash", "-c", 'echo "$FROM_SETUP $OMP_NUM_THREADS $NUMBA_NUM_THREADS"'], tmp_path / "work", settings
    )
    assert (array.job, array.tasks) == (4711, 7)
    assert directives(notes) >= {
        "array=0-6%7", "cpus-per-task=3", "time=90", "mem=1536M", "gpus-per-node=2", "partition=long", "account=cr",
        "qos=low", "constraint=avx512", "signal=TERM@120", "requeue", "open-mode=append", "exclude='node[1-3]'",
        "exclusive",
    }  # fmt: skip
    assert run_task(notes).stdout.strip() == "it is set 3 3"


def test_nothing_is_pickled(notes, tmp_path):
    submit(["true"], tmp_path / "work", SlurmSettings())
    assert not list(tmp_path.rglob("*.pkl"))
    assert "submitit.core" not in (notes / "script").read_text()


@pytest.mark.parametrize(
    ("code", "restarts", "again"),
    [(0, 0, False), (2, 0, False), (143, 0, True), (143, 6, True), (143, 7, False), (137, 1, True), (137, 2, False)],
)
def test_a_stopped_task_joins_the_queue_again(notes, tmp_path, code, restarts, again):
    submit(["bash", "-c", f"exit {code}"], tmp_path / "work", SlurmSettings(requeues=7, attempts=2))
    run = run_task(notes, SLURM_RESTART_COUNT=str(restarts))
    assert (notes / "requeued").exists() == again
    if again:
        assert (notes / "requeued").read_text() == "requeue 4711_2\n"
    else:
        assert run.returncode == code


def test_the_check_submits_and_writes_nothing(notes, tmp_path):
    check_slurm(SlurmSettings(tasks=5), tmp_path / "store")
    assert "--array=0-4" in (notes / "tested").read_text()
    assert not (notes / "script").exists()
    assert not (tmp_path / "store").exists()


def test_what_slurm_refuses_is_told(notes, tmp_path):
    (notes / "refuse").write_text("sbatch: error: invalid partition specified: long\nsbatch: error: no.\n")
    with pytest.raises(InputError, match="invalid partition specified: long; no"):
        check_slurm(SlurmSettings(partition="long"), tmp_path)


def test_without_slurm_or_submitit_the_message_says_what_is_missing(notes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(InputError, match=r"no sbatch, srun, squeue, scancel, scontrol here.*production=local"):
            check_slurm(SlurmSettings(), tmp_path)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match=r"needs submitit: pip install 'propmat\[slurm\]'"):
        check_slurm(SlurmSettings(), tmp_path)


def test_a_percent_sign_in_the_folder_is_refused(notes, tmp_path):
    with pytest.raises(InputError, match="% in the name"):
        check_slurm(SlurmSettings(), tmp_path / "50%jobs")


def test_an_array_is_found_while_one_of_its_tasks_is_in_the_queue(notes, tmp_path):
    assert submitted(tmp_path) is None
    array = submit(["true"], tmp_path, SlurmSettings(tasks=2))
    assert submitted(tmp_path) == array
    assert array.states() == ["RUNNING", "PENDING"]
    (notes / "queue").write_text("")
    assert submitted(tmp_path) is None
    (notes / "queue.error").write_text("slurm_load_jobs error: Invalid job id specified\n")
    assert submitted(tmp_path) is None


def test_a_silent_controller_is_no_answer(notes, tmp_path):
    submit(["true"], tmp_path, SlurmSettings())
    (notes / "queue.error").write_text("Unable to contact slurm controller\n")
    with pytest.raises(FileError, match="Unable to contact"):
        submitted(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"job": "x", "tasks": 1}', '{"tasks": 1}', "null"])
def test_a_damaged_note_is_named(notes, tmp_path, text):
    (tmp_path / "array.json").write_text(text)
    with pytest.raises(FileError, match=r"array.json is damaged"):
        submitted(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": 0}, r"production.tasks = 0 is outside the allowed range \[1, 10000\]"),
        ({"cpus_per_task": 0}, "production.cpus_per_task"),
        ({"memory": 0.0}, "production.memory = 0.0 GB"),
        ({"time": 1, "grace": 60}, "production.grace = 60 s must be shorter than production.time = 1 min"),
        ({"partition": ""}, "production.partition = '' must be one line"),
        ({"partition": "x\n#SBATCH --uid=0"}, "production.partition"),
        ({"options": ("exclude=a\nb",)}, "must be one line"),
        ({"options": ("--exclude=a",)}, "without dashes before it"),
        ({"options": ("time=5",)}, "time is not free; set production.time"),
        ({"options": ("output=x",)}, "output is not free; propmat sets it"),
        ({"setup": ("",)}, "production.setup"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        SlurmSettings(**settings)


def test_names_of_options_reach_sbatch_as_they_are():
    found = SlurmSettings(options=("gpu-bind=closest", "exclusive", "comment=a=b"))
    assert found.more == {"gpu-bind": "closest", "exclusive": True, "comment": "a=b"}
