"""How far the flux at Earth is from that of infinitely short steps: the bias table of the heliosphere's step control.

Usage: python scripts/studies/heliosphere_convergence.py [--quick | --minutes M] [--points N] [--out JSON] [--plot PATH]

A row compares runs with the default steps and with half of every step length (or another change of constants), in
pairs on one Brownian path with control variates (propmat/heliosphere/convergence.py), until its sigma is at most
0.15 %, or its share of the time is used up. The bias is first / second - 1 in per cent; a row is met if
|bias| + 2 sigma <= 0.5 %. Where that fails at |bias| < 0.5 %, time that is left goes into a sigma of down to half that.
"h -> 0" extrapolates to infinitely short steps by 16/15. That assumes a bias ~ h^4 in the step lengths, as a splitting
of weak order two has where coefficients are smooth (dt ~ h^2); at the sheet they are not; the table "order" tests it.

--quick: a fixed choice in at most 10 minutes on two cores. Else: --points Sobol points of the domain
(B0 3-9 nT, tilt 0-75 deg, K0 0.03-1.5, a 0-1, b a-3, 0.1-30 GeV), both drift signs each, after the same choice.
--out keeps the sums of every row, so that a later call goes on where an earlier one ended, or was killed. A row counts
as another one when its constants or SIMULATOR_VERSION change; take a new file when the stepper's code does.
Exit code 1 if a judged row misses, or is still open.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from heliosphere_convergence_rows import HALVED, PROTON, REFERENCE, SIGMA, Row, quick_rows, sobol_rows
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from propmat.heliosphere import Heliosphere
from propmat.heliosphere.convergence import Moments, modulation, trace_pairs
from propmat.heliosphere.kernels.constants import switches
from propmat.heliosphere.kernels.cpu import RESULTS, tracer
from propmat.heliosphere.simulation import STEP_CAP
from propmat.progress import progress_bar
from propmat.species import rigidity_from_kinetic_energy
from propmat.spectra import proton_lis

LIMIT = 0.005
"""Of |bias| + 2 sigma."""
EXTRAPOLATION = 16.0 / 15.0
LEAST_PAIRS = 512
"""Fewer give no trustworthy sigma."""
PILOT = 64
"""Fewest pairs that a thread gets: one for each lane."""
CHUNK_SECONDS = 12.0
CLOSE_PASSES, CLOSE_MARGIN = 3, 0.8
"""Rounds for the rows that barely miss, and how much smaller than just enough their sigma is made."""
QUICK_MINUTES = 9.0
LIS = proton_lis()


class Store:
    """The sums of every row, written to a file (if there is one) after each piece of work."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.moments: dict[str, Moments] = {}
        if path is not None and path.exists():
            for key, kept in json.loads(path.read_text(encoding="utf-8")).items():
                self.moments[key] = Moments(**kept | {"products": np.array(kept["products"])})

    def get(self, key: str) -> Moments:
        """Of a row; none yet, perhaps."""
        return self.moments.get(key, Moments.none())

    def add(self, key: str, more: Moments) -> None:
        """Add to a row and save; a kill while saving leaves the old file."""
        self.moments[key] = self.get(key) + more
        if self.path is not None:
            text = {key: vars(kept) | {"products": kept.products.tolist()} for key, kept in self.moments.items()}
            new = self.path.with_name(self.path.name + ".new")
            new.write_text(json.dumps(text), encoding="utf-8")
            new.replace(self.path)


class Study:
    """Samples rows until each is precise enough or the time is over."""

    def __init__(self, model: Heliosphere, store: Store, threads: int, seed: int, seconds: float) -> None:
        self.model, self.store, self.threads, self.seed = model, store, threads, seed
        self.end = time.monotonic() + seconds
        self.pool = ThreadPoolExecutor(threads)

    def of(self, row: Row) -> Moments:
        """What is known of a row."""
        return self.store.get(row.key(self.model))

    def sample(self, row: Row, pairs: int) -> None:
        """Trace some more pairs, in equal parts on every thread."""
        first, each = self.of(row).pairs, -(-pairs // self.threads)
        starts = [first + part * each for part in range(self.threads)]
        constants, variant = row.constants(self.model), switches(self.model)

        def work(start: int) -> Moments:
            return Moments.sample(constants, variant, PROTON, row.energy, LIS, start, start + each, self.seed)

        self.store.add(row.key(self.model), sum(self.pool.map(work, starts), Moments.none()))

    def missing(self, row: Row, factor: float) -> float:
        """CPU seconds that a row still needs for its sigma times this factor, as far as one can tell."""
        known = self.of(row)
        if known.pairs == 0:
            return math.inf
        pairs = max(known.pairs * (known.bias()[1] / (factor * row.sigma)) ** 2, LEAST_PAIRS)
        return max(pairs - known.pairs, 0.0) / known.pairs * known.seconds

    def refine(self, row: Row, factor: float, seconds: float) -> None:
        """Sample a row until its sigma is small enough, or ``seconds`` of wall time are over."""
        end = min(time.monotonic() + seconds, self.end)
        while (missing := self.missing(row, factor)) > 0.0 and time.monotonic() < end:
            known = self.of(row)
            cpu = min(1.05 * missing, CHUNK_SECONDS * self.threads, (end - time.monotonic()) * self.threads)
            self.sample(row, max(math.ceil(cpu * known.pairs / known.seconds), PILOT * self.threads))

    def run(self, rows: list[Row]) -> None:
        """Cheap rows first, so that what they leave of their shares goes to the others; then what barely misses."""
        trace_pairs(rows[0].constants(self.model), switches(self.model), PROTON, 30.0, 0, 1, self.seed)  # compiles
        with progress_bar(count=False, transient=True) as progress:
            task = progress.add_task("first pairs", total=2 * len(rows))
            for row in rows:
                if self.of(row).pairs == 0 and time.monotonic() < self.end:
                    self.sample(row, PILOT * self.threads)
                progress.advance(task)
            self._pass([(row, 1.0) for row in rows], progress, task)
            for _ in range(CLOSE_PASSES):
                close = [(row, self._wanted(row)) for row in rows if row.judged and self._close(row)]
                progress.update(task, completed=0, total=len(close))
                self._pass(close, progress, task)

    def _pass(self, wanted: list[tuple[Row, float]], progress: Progress, task: TaskID) -> None:
        """Refine each row to its sigma times this factor."""
        for number, (row, factor) in enumerate(sorted(wanted, key=lambda want: self.missing(*want))):
            progress.update(task, description=f"{row.table}: {row.name} {row.sign:+d} {row.energy:.3g} GeV")
            self.refine(row, factor, (self.end - time.monotonic()) / (len(wanted) - number))
            progress.advance(task)

    def _wanted(self, row: Row) -> float:
        """What a row's sigma is to be multiplied by for a bias like the present one to be met, with a margin."""
        return min(max(CLOSE_MARGIN * (LIMIT - abs(self.of(row).bias()[0])) / (2.0 * row.sigma), 0.5), 1.0)

    def _close(self, row: Row) -> bool:
        bias, sigma = self.of(row).bias()
        return sigma <= SIGMA and abs(bias) < LIMIT < abs(bias) + 2.0 * sigma


def verdict(row: Row, known: Moments) -> str:
    """What to say of a row."""
    if known.truncated:
        return f"MISS: {known.truncated} at the step cap"
    if not row.judged:
        return ""
    bias, sigma = known.bias() if known.pairs else (0.0, math.inf)
    if not sigma <= SIGMA or known.pairs < LEAST_PAIRS:
        return "open"
    return "met" if abs(bias) + 2.0 * sigma <= LIMIT else "MISS"


def show(study: Study, rows: list[Row], console: Console) -> None:
    """Print the rows of one table."""
    table = Table(title=f"{rows[0].table}: estimator coupled pairs with control variates; bias, sigma in %")
    names = ("case", "sign", "T [GeV]", "J/J_LIS", "bias", "sigma", "h -> 0", "pairs", "CPU s", "% sqrt(CPU s)", "")
    for name in names:
        table.add_column(name, justify="left" if name == "case" else "right", no_wrap=name != "case")
    for row in rows:
        known = study.of(row)
        place = (row.name, f"{row.sign:+d}", f"{row.energy:.3g}")
        if known.pairs == 0:
            table.add_row(*place, *7 * ("-",), verdict(row, known))
            continue
        bias, sigma = (100.0 * value for value in known.bias())
        limit = f"{EXTRAPOLATION * bias:+.3f}" if row.second == HALVED else "-"
        effort = f"{sigma * math.sqrt(known.seconds):.2f}"
        numbers = (f"{known.flux():.4f}", f"{bias:+.3f}", f"{sigma:.3f}", limit, f"{known.pairs}")
        table.add_row(*place, *numbers, f"{known.seconds:.0f}", effort, verdict(row, known))
    console.print(table)


def show_order(study: Study, rows: list[Row], console: Console) -> None:
    """Differences of step lengths beside those of bias = C h^4 and C h^2, C from all of them by least squares."""
    known = [study.of(row).bias() for row in rows]
    text = []
    for power in (4, 2):
        span = np.array([row.first["step_size"] ** power - row.second["step_size"] ** power for row in rows])
        weight = np.array([sigma for _, sigma in known]) ** -2.0
        bias = np.array([value for value, _ in known])
        constant = float((weight * span) @ bias / ((weight * span) @ span))
        chi2 = float(weight @ (bias - constant * span) ** 2)
        text.append(f"h^{power}: {100.0 * constant:+.3f} % at h = 1, chi2 {chi2:.1f} for {len(rows) - 1}")
    console.print("order of the bias, " + "; ".join(text))


def estimators(model: Heliosphere, rows: list[Row], study: Study, console: Console) -> None:
    """Flux error times the root of CPU time: ordinary runs, their difference, coupled pairs, with controls."""
    table = Table(title="flux error in % times sqrt(CPU s) at 1 GeV, reference point")
    names = ("sign", "flux, ordinary run", "difference, two runs", "coupled", "coupled, controls", "speed-up")
    for name in names:
        table.add_column(name, justify="right")
    for row in rows:
        known, costs = study.of(row), []
        for constants in row.constants(model):
            out, number = np.empty((RESULTS, 512)), 512
            log_rigidity = np.log(rigidity_from_kinetic_energy(np.array([row.energy]), PROTON))
            for particles in (64, number):  # the first for the compiler
                start = time.thread_time()
                seed = np.array([study.seed, 0], dtype=np.uint64)
                tracer(switches(model))(constants, log_rigidity, particles, 0, particles, seed, STEP_CAP, out)
                seconds = time.thread_time() - start
            flux = modulation(out[0], PROTON, row.energy, LIS)
            costs.append(100.0 * float(flux.std() / flux.mean()) * math.sqrt(seconds / number))
        coupled, controlled = (100.0 * known.bias(controls)[1] * math.sqrt(known.seconds) for controls in (False, True))
        gain = (sum(costs) / controlled) ** 2
        values = (costs[0], sum(costs), coupled, controlled)
        table.add_row(f"{row.sign:+d}", *(f"{value:.2f}" for value in values), f"{gain:.1f}")
    console.print(table)


def draw(study: Study, rows: list[Row], path: Path) -> None:
    """Bias of every judged row with 2 sigma, against the bands of 0.3 and 0.5 %."""
    from matplotlib.figure import Figure

    from propmat.report.figures import COLOURS

    known = [(row, *study.of(row).bias()) for row in rows if row.judged and study.of(row).pairs]
    known = [(row, bias, sigma) for row, bias, sigma in known if sigma < 1.0]
    figure = Figure(figsize=(7.8, 0.22 * len(known) + 1.6), layout="constrained")
    axes = figure.subplots()
    for limit, shade in ((0.5, 0.12), (0.3, 0.2)):
        axes.axvspan(-limit, limit, color="grey", alpha=shade, linewidth=0, label=f"±{limit:g} %")
    axes.axvline(0.0, color="black", linewidth=0.8)
    for sign, colour in ((+1, COLOURS[0]), (-1, COLOURS[1])):
        place = [number for number, (row, _, _) in enumerate(known) if row.sign == sign]
        bias = [100.0 * known[number][1] for number in place]
        error = [200.0 * known[number][2] for number in place]
        axes.errorbar(bias, place, xerr=error, fmt="o", markersize=3.5, color=colour, label=f"drift sign {sign:+d}")
    names = [f"{row.name} {row.energy:.3g} GeV" for row, _, _ in known]
    axes.set_yticks(range(len(known)), names, fontsize=7)
    axes.set(xlabel="bias of the flux at Earth [%], bars 2 σ", xlim=(-1.0, 1.0), ylim=(len(known) - 0.5, -0.5))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.savefig(path, dpi=130)


def arguments() -> argparse.Namespace:
    """Of the command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fixed choice of rows in at most 10 minutes")
    parser.add_argument("--minutes", type=float, help="wall time to spend (default: 9 with --quick, else 240)")
    parser.add_argument("--points", type=int, default=32, help="Sobol points of a full run (default: %(default)s)")
    parser.add_argument("--preset", choices=("paper", "consistent"), default="paper", help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="JSON file of the sums, read and extended if it exists")
    parser.add_argument("--plot", type=Path, help="write the figure there")
    given = parser.parse_args()
    if given.minutes is None:
        given.minutes = QUICK_MINUTES if given.quick else 240.0
    for name in ("minutes", "points", "threads"):
        if not getattr(given, name) > 0:
            parser.error(f"--{name} {getattr(given, name)} must be positive")
    if not 0 <= given.seed < 2**63:
        parser.error(f"--seed {given.seed} must be in [0, 2^63)")
    try:
        given.store = Store(given.out)
    except (ValueError, TypeError, AttributeError, OSError) as error:
        parser.error(f"--out {given.out} is not a file of this study: {error}")
    return given


def run() -> int:
    """Sample, print, judge."""
    given = arguments()
    console = Console(width=None if sys.stdout.isatty() else 140)
    model = Heliosphere.preset(given.preset)
    study = Study(model, given.store, given.threads, given.seed, 60.0 * given.minutes)
    rows = quick_rows() + ([] if given.quick else sobol_rows(given.points))
    study.run(rows)
    for name in dict.fromkeys(row.table for row in rows):
        show(study, [row for row in rows if row.table == name], console)
    order = [row for row in rows if row.table == "order"]
    if all(study.of(row).pairs for row in order):
        show_order(study, order, console)
    reference = [row for row in rows if row.table == "steps" and row.parameters is REFERENCE and row.energy == 1.0]
    if all(study.of(row).pairs for row in reference):
        estimators(model, reference, study, console)
    if given.plot is not None:
        draw(study, rows, given.plot)
    bad = [row for row in rows if verdict(row, study.of(row)) not in ("met", "")]
    judged = sum(row.judged for row in rows)
    missed = sum(verdict(row, study.of(row)).startswith("MISS") for row in bad)
    end = (
        f"MISSED: {missed} rows miss, {len(bad) - missed} are open (of {judged})"
        if bad
        else f"met in all {judged} rows"
    )
    print(f"verdict, |bias| + 2 sigma <= {100 * LIMIT:g} % with sigma <= {100 * SIGMA:g} %: {end}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(run())
