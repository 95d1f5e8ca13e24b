"""What `make demo` does: the whole road, from simulated particles to a fit of two AMS-02 rotations, in minutes.

Each stage is a `propmat` command, printed so that it can be repeated and changed. Everything goes to runs/demo, which
is made anew each time; the page to read is runs/demo/report.html.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from propmat.cli import main
from propmat.report.evaluation import EVALUATION, Evaluation

OUT = Path("runs/demo")
STAGES = {
    "simulate": f"experiment=heliosphere_tiny output={OUT}/samples",
    "train": f"experiment=heliosphere_demo output={OUT}/emulator",
    "evaluate": f"bundle={OUT}/emulator/emulator.safetensors store=heliosphere_test output={OUT}/evaluation",
    "fit": f"rotations=[2531,2543] bundle={OUT}/emulator/emulator.safetensors output={OUT}/fit",
    "report": (
        f"runs.fit={OUT}/fit runs.train={OUT}/emulator runs.evaluate={OUT}/evaluation runs.simulate={OUT}/samples "
        f"output={OUT} resume=true"
    ),
}
WHAT = {
    "simulate": "fresh samples: particles followed backward from Earth to the heliopause",
    "train": "an emulator, from the sample set that is shipped",
    "evaluate": "its error on samples it has not seen",
    "fit": "diffusion in Bartels rotations 2531 and 2543 from AMS-02 protons, antiprotons predicted",
    "report": "one page with the figures",
}


def run() -> int:
    """Run the stages in order; the exit code of the first that fails."""
    clear(OUT)
    start = time.monotonic()
    seconds: dict[str, float] = {}
    for number, (command, arguments) in enumerate(STAGES.items(), start=1):
        print(f"\n[{number}/{len(STAGES)}] {WHAT[command]}\n$ propmat {command} {arguments}", flush=True)
        before = time.monotonic()
        code = main([command, *arguments.split()])
        if code:
            return code
        seconds[command] = time.monotonic() - before
        print(f"[{number}/{len(STAGES)}] {command}: {seconds[command]:.0f} s", flush=True)
    times = ", ".join(f"{command} {value:.0f} s" for command, value in seconds.items())
    print(f"\n{Evaluation.read(OUT / 'evaluation' / EVALUATION).table()}")
    print(f"\ndone in {time.monotonic() - start:.0f} s ({times})\nread {OUT / 'report.html'}")
    return 0


def clear(folder: Path) -> None:
    """Remove the demo of before; anything that is not a demo stays, and ends this one."""
    ours = {"samples", "emulator", "evaluation", "fit", "config.yaml", "report.html"}
    if not folder.exists():
        return
    if foreign := {entry.name for entry in folder.iterdir()} - ours:
        sys.exit(f"{folder} holds {', '.join(sorted(foreign))}, which no demo made; move it away.")
    print(f"{folder} is from an earlier demo; it is replaced.")
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(run())
