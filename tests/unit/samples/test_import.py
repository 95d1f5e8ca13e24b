"""Files of a user's own runs become samples: nothing is lost on the way, and what is wrong is named with its line."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from propmat.errors import FileError, InputError
from propmat.samples import (
    Channel,
    ImportedDesign,
    SampleStore,
    StoreHeader,
    Truncation,
    find_sources,
    plan_import,
    produce,
    read_manifest,
)
from propmat.samples.helprop import Run, rebin, whole_numbers
from propmat.samples.importing import Import
from propmat.samples.textfile import TextFile
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

TOA = np.array([0.5, 1.0, 5.0])
EDGES = np.linspace(0.4, 12.4, 121)
MARKS = {"B0": "5", "tilt": "15", "K0": "0.2", "a": "0.5", "b": "2", "polarity": "+1", "species": "proton"}


def exits(particles: int, seed: int = 1) -> FloatArray:
    """(toa, particle) exit energies."""
    return TOA[:, None] + np.random.default_rng(seed).gamma(4.0, 0.1, (3, particles))


def matrix(particles: int, seed: int = 1) -> FloatArray:
    """(toa, bin) counts."""
    return np.array([np.histogram(row, EDGES)[0] for row in exits(particles, seed)], dtype=float)


def text(numbers: FloatArray, first: object = EDGES, separator: str = ",", **marks: str) -> str:
    """A matrix file."""
    lines = [f"# {key} = {value}" for key, value in (MARKS | marks).items() if value]
    lines.append(separator.join(["T", *map(str, np.asarray(first).tolist())]))
    lines += [
        separator.join(map(str, [energy, *row])) for energy, row in zip(TOA.tolist(), numbers.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def listing(particles: int, seed: int = 1, **marks: str) -> str:
    """A file of exit energies, in an order of no meaning."""
    lines = [
        f"{energy} {value!r}" for energy, row in zip(TOA, exits(particles, seed).tolist(), strict=True) for value in row
    ]
    order = np.random.default_rng(seed).permutation(len(lines))
    return "\n".join([*(f"# {key}: {value}" for key, value in (MARKS | marks).items()), *(lines[k] for k in order)])


def write(folder: Path, content: str, name: str = "run.csv") -> Path:
    path = folder / name
    path.write_text(content)
    return path


def planned(path: Path, **options: object) -> Import:
    return plan_import(find_sources([path]), **options)  # type: ignore[arg-type]


def imported(path: Path, store: Path, **options: object) -> SampleStore:
    return planned(path, **options).write(store)


# Rebinning


def test_rebinning_keeps_the_sum_wherever_the_bins_lie() -> None:
    generator = np.random.default_rng(3)
    for _ in range(50):
        values = generator.gamma(0.3, 1.0, 40)
        edges = np.cumsum(generator.gamma(1.0, 1.0, 41)) * generator.choice([0.01, 1.0, 100.0])
        edges[0] *= generator.choice([0.0, 1.0])
        target = np.cumsum(generator.gamma(1.0, 1.0, 31))
        shares = rebin(values, edges, target)
        assert abs(shares.sum() / values.sum() - 1.0) < 1e-12 and shares.min() >= -1e-12 * values.sum()


def test_rebinning_onto_the_same_bins_changes_nothing_and_halves_where_bins_are_halved() -> None:
    values, edges = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_allclose(rebin(values, edges, edges), values, rtol=1e-14)
    halves = np.exp(np.linspace(0.0, np.log(8.0), 7))
    np.testing.assert_allclose(rebin(values, edges, halves), np.repeat(values / 2.0, 2), rtol=1e-13)


def test_what_lies_beyond_the_columns_is_in_the_end_columns() -> None:
    values, edges = np.array([1.0, 5.0, 7.0]), np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_allclose(rebin(values, edges, np.array([2.0, 3.0, 4.0])).sum(), 13.0, rtol=1e-14)
    np.testing.assert_allclose(rebin(values, edges, np.array([100.0, 200.0, 300.0])), [13.0, 0.0], atol=1e-12)


def test_whole_numbers_have_the_sum_and_the_proportions() -> None:
    generator = np.random.default_rng(4)
    for number in (1, 7, 1000, 10**6):
        shares = generator.gamma(0.5, 1.0, 60)
        found = whole_numbers(shares, number)
        assert found.sum() == number and found.min() >= 0
        assert np.abs(found - number * shares / shares.sum()).max() < 1.0
    exact = generator.integers(0, 50, 60)
    assert np.array_equal(whole_numbers(exact.astype(float), int(exact.sum())), exact)


# Files


@pytest.mark.parametrize("particles", [1, 250])
def test_exit_energies_are_counted_on_the_columns(tmp_path: Path, particles: int) -> None:
    table = imported(write(tmp_path, listing(particles), "exits.txt"), tmp_path / "store").read()
    expected = TransferGrid.default(TOA).counts(exits(particles))
    assert np.array_equal(table.counts[0], expected) and not table.truncated.any()
    assert table.particles[0] == particles and table.propagation_time_mean.max() == 0.0


@pytest.mark.parametrize("separator", [",", ";", " ", "\t", " , "])
def test_a_matrix_of_counts(tmp_path: Path, separator: str) -> None:
    counts = matrix(300)
    table = imported(write(tmp_path, text(counts, separator=separator)), tmp_path / "store").read()
    assert np.all(table.counts.sum(axis=-1) == 300)
    grid = TransferGrid.default(TOA)
    for row in range(3):
        shares = rebin(counts[row], EDGES, grid.lis_edges[row])
        assert np.abs(table.counts[0, row] - shares).max() < 1.0


def test_shares_centres_and_edges_say_the_same_as_counts(tmp_path: Path) -> None:
    counts = matrix(400)
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    tables = [
        imported(write(tmp_path, content, f"{number}.csv"), tmp_path / str(number)).read()
        for number, content in enumerate(
            [text(counts), text(counts, first=centres), text(counts / 400.0, particles="400")]
        )
    ]
    for table in tables[1:]:
        assert np.abs(table.counts.astype(int) - tables[0].counts.astype(int)).max() <= 1
        assert np.all(table.particles == 400)


def test_logarithmic_centres_have_logarithmic_bins(tmp_path: Path) -> None:
    edges = np.geomspace(0.4, 12.4, 61)
    content = text(np.ones((3, 60)), first=np.sqrt(edges[1:] * edges[:-1]))
    found = Run.of(TextFile.read(write(tmp_path, content))).edges
    assert found is not None
    np.testing.assert_allclose(found, edges, rtol=1e-12)


def test_linear_bins_may_begin_at_zero(tmp_path: Path) -> None:
    centres = np.arange(0.05, 12.0, 0.1)
    found = Run.of(TextFile.read(write(tmp_path, text(np.ones((3, 120)), first=centres)))).edges
    assert found is not None and found[0] == 0.0
    np.testing.assert_allclose(found[1:], np.arange(1, 121) * 0.1, rtol=1e-9)


def test_a_first_row_of_numbers_is_edges_or_centres_as_it_says(tmp_path: Path) -> None:
    content = text(matrix(10)).replace("T,", "0,", 1)
    assert Run.of(TextFile.read(write(tmp_path, content))).edges is not None  # 122 cells: a corner and 121 edges
    content = text(matrix(10)).replace("T,", "", 1)
    with pytest.raises(InputError, match="columns = edges or centres"):
        Run.of(TextFile.read(write(tmp_path, content)))
    np.testing.assert_array_equal(Run.of(TextFile.read(write(tmp_path, content)), columns="edges").edges, EDGES)


def test_rows_may_come_in_any_order(tmp_path: Path) -> None:
    content = text(matrix(50)).splitlines()
    shuffled = "\n".join([*content[:-3], content[-1], content[-3], content[-2]])
    tables = [
        imported(write(tmp_path, one, f"{k}.csv"), tmp_path / str(k)).read()
        for k, one in enumerate(["\n".join(content), shuffled])
    ]
    assert np.array_equal(tables[0].counts, tables[1].counts)


def test_particles_outside_a_matrix_are_counted_and_told(tmp_path: Path) -> None:
    counts = matrix(1000)
    counts[0, int(counts[0].argmax())] -= 5.0
    table = imported(write(tmp_path, text(counts)), tmp_path / "store").read()
    assert table.truncated.tolist() == [[5, 0, 0]] and np.all(table.counts.sum(axis=-1) + table.truncated == 1000)
    assert "5 of 3000 particles" in Truncation.of([table]).warning()
    with pytest.raises(InputError, match=r"0\.5 GeV/n sums to 995 instead of 1000.*particles="):
        planned(tmp_path / "run.csv", tolerance=0.001)


def test_rows_of_different_numbers_are_scaled_to_what_is_asked_for(tmp_path: Path) -> None:
    counts = matrix(600) * np.array([[1.0], [2.0], [5.0]])
    path = write(tmp_path, text(counts))
    with pytest.raises(InputError, match="sums to 600 instead of 3000"):
        planned(path)
    table = imported(path, tmp_path / "store", overrides={"particles": "600"}).read()
    expected = imported(write(tmp_path, text(matrix(600)), "plain.csv"), tmp_path / "plain").read()
    assert np.array_equal(table.counts, expected.counts)


# Stores


def test_the_store_says_where_it_comes_from(tmp_path: Path) -> None:
    path = write(tmp_path, text(matrix(100), version="2025.3", species="antiproton", polarity="-1"))
    store = SampleStore.open(imported(path, tmp_path / "store", command=["propmat", "data", "import"]).path)
    header = store.header
    assert (header.simulator, header.simulator_version) == ("helprop", "2025.3")
    assert isinstance(header.design, ImportedDesign)
    entry = header.design.entries[0]
    assert entry.file == "run.csv" and entry.sha256 == TextFile.read(path).sha256
    assert header.design.channels == (Channel("antiproton", -1),)
    table = store.read()
    np.testing.assert_array_equal(table.parameters, [[5.0, 15.0, 0.2, 0.5, 2.0]])
    assert table.drift_sign.tolist() == [1] and table.nucleons_per_charge.tolist() == [1.0]
    assert StoreHeader.from_json(header.to_json()).differences(header) == ()
    assert not store.verify() and not store.missing()
    with pytest.raises(FileError, match=r"helprop 2025\.3, installed is heliosphere"):
        produce(store, progress=False)


def test_many_files_in_shards_resume_and_damage(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    points = itertools.product(("4", "6"), ("0.1", "0.4", "1"), ("1", "-1"))
    for number, (field, diffusion, polarity) in enumerate(points):
        marks = {"B0": field, "K0": diffusion, "polarity": polarity}
        write(folder, text(matrix(50, seed=number), **marks), f"run_{number:02d}.csv")
    plan = planned(folder, shard_size=5)
    store = plan.write(tmp_path / "store")
    assert store.header.design.shards == 3 and len(store.read()) == 12 and store.header.design.count == 6
    before = store.shard_path(1).read_bytes()
    store.shard_path(1).write_bytes(b"x")
    with pytest.raises(FileError, match="propmat data import"):
        store.read()
    assert plan.write(tmp_path / "store", resume=True).shard_path(1).read_bytes() == before
    write(folder, text(matrix(50, seed=99)), "run_00.csv")
    store.shard_path(0).unlink()
    with pytest.raises(FileError, match=r"run_00\.csv has changed"):
        plan.write(tmp_path / "store", resume=True)


def test_a_design_of_many_files_fits_into_its_shards(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for number in range(600):
        write(folder, text(matrix(2), tilt=str(number / 10)), f"a_file_with_a_long_name_{number:04d}.csv")
    store = imported(folder, tmp_path / "store", shard_size=300)
    assert len(store.read()) == 600 and store.shard_path(0).stat().st_size < 200_000


def test_a_manifest_goes_before_the_file_and_the_command_line_before_both(tmp_path: Path) -> None:
    for name, seed in (("one.txt", 1), ("two.txt", 2)):
        write(tmp_path, "\n".join(text(matrix(100, seed)).splitlines()[len(MARKS) :]), name)
    with (tmp_path / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["path", *MARKS], ["one.txt", *MARKS.values()], ["two.txt", *(MARKS | {"tilt": "30"}).values()]]
        )
    plan = plan_import(read_manifest(tmp_path / "list.csv"), overrides={"K0": "0.3"})
    np.testing.assert_array_equal(plan.header.plan.parameters[:, 1], [15.0, 30.0])
    np.testing.assert_array_equal(plan.header.plan.parameters[:, 2], 0.3)


def test_units_may_stand_behind_the_values_and_keys_in_any_case(tmp_path: Path) -> None:
    plain = text(matrix(10))
    noted = (
        plain.replace("B0 = 5", "b0 : 5 [nT]")
        .replace("K0 = 0.2", "K0 = 0.2 1e23 cm2/s")
        .replace("= 15", "=15 deg # WSO")
    )
    assert noted.count("nT") == noted.count("cm2") == noted.count("WSO") == 1
    plans = [planned(write(tmp_path, one)).header.plan for one in (plain, noted)]
    assert np.array_equal(plans[0].parameters, plans[1].parameters)


def test_electrons_are_no_protons(tmp_path: Path) -> None:
    plan = planned(write(tmp_path, text(matrix(10), species="electron", polarity="-1"))).header.plan
    assert plan.nucleons_per_charge.tolist() == [0.0] and plan.drift_sign.tolist() == [1]


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("# B0 = 5\n", ""), r"run\.csv: missing B0.*# B0 = value.*manifest.*B0=value"),
        (lambda s: s.replace("# species = proton\n", ""), "missing species"),
        (lambda s: s.replace("species = proton", "species = protn"), r"run\.csv: .*Did you mean 'proton'"),
        (lambda s: s.replace("tilt = 15", "tilt = 85"), r"run\.csv: tilt = 85.*\[0, 75\] deg"),
        (lambda s: s.replace("tilt = 15", "tilt = flat"), r"run\.csv: tilt = 'flat' is not a number"),
        (lambda s: s.replace("B0 = 5", "B0 = 5 uT"), r"B0 = '5 uT' must be a number in nT"),
        (lambda s: s.replace("b = 2", "b = 0.2"), "b = 0.2 must be at least a = 0.5"),
        (lambda s: s.replace("K0 = 0.2", "K0 = 2e22"), r"K0 = 2e\+22 1e23 cm2/s is outside"),
        (lambda s: s.replace("K0 = 0.2", "K0 = nan"), "K0 is NaN"),
        (lambda s: s.replace("polarity = +1", "polarity = 0.5"), "polarity = '0.5' is not a whole number"),
        (lambda s: s.replace("polarity = +1", "polarity = 2"), "polarity = 2"),
        (lambda s: s + "# particles = 0\n", r"particles = 0 is outside"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,zero,", 1), r"run\.csv:10: cell 2, 'zero', is not a finite number"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,nan,", 1), r"run\.csv:10: cell 2, 'nan'"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,,", 1), r"run\.csv:10: cell 2, ''"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,-1.0,", 1), r"run\.csv:10: cell 2, -1, is negative"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,", 1), r"run\.csv:10: 120 cells, 121 in the line 9"),
        (lambda s: s.replace("\n1.0,0.0,", "\n1.0,0.0,0.0,", 1), r"run\.csv:10: 122 cells, 121 in the line 9"),
        (lambda s: s.replace("\n1.0,", "\n0.5,"), "must be positive and different"),
        (lambda s: s.replace("\n0.5,", "\n0,"), "must be positive and different"),
        (lambda s: s.replace("T,0.4,", "T,0.6,"), "must increase"),
        (lambda s: s.replace("T,0.4,0.5,", "T,"), r"run\.csv:8: 120 cells .* over 120 bins.* 121 edges or 120 centres"),
        (lambda s: "\n".join(s.splitlines()[:-2]), "one energy at Earth"),
        (lambda s: "# B0 = 5\n", "holds no numbers"),
        (lambda s: s + "# columns = middles\n", "columns.*'middles'"),
        (lambda s: s + "# content = matrx\n", "Did you mean 'matrix'"),
        (lambda s: s.replace("\n0.5,0.0,", "\n0.5,0.5,", 1), "missing particles"),
    ],
)
def test_wrong_files_are_refused_by_name_and_line(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    path = write(tmp_path, change(text(matrix(100))))
    with pytest.raises(InputError, match=message):
        planned(path)


def test_rows_that_do_not_sum_to_one_are_refused(tmp_path: Path) -> None:
    shares = matrix(100) / 100.0
    shares[1] *= 0.9
    with pytest.raises(InputError, match=r"row of 1 GeV/n sums to 0\.9 instead of 1 \(tolerance 0\.01\)"):
        planned(write(tmp_path, text(shares, particles="100")))
    shares[1] *= 1.2 / 0.9
    with pytest.raises(InputError, match=r"sums to 1\.2 instead of 1"):
        planned(write(tmp_path, text(shares, particles="100")))


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    write(folder, text(matrix(100)), "one.csv")
    write(folder, text(matrix(100, 2), species="antiproton", polarity="-1"), "two.csv")
    with pytest.raises(InputError, match=r"one\.csv and two\.csv are of the same parameters"):
        planned(folder)
    write(folder, text(matrix(100, 2), tilt="20", version="2"), "two.csv")
    with pytest.raises(InputError, match=r"version unknown, .*two\.csv.* version 2"):
        planned(folder)
    write(folder, text(matrix(100, 2), tilt="20").replace("\n5.0,", "\n6.0,"), "two.csv")
    with pytest.raises(InputError, match=r"two\.csv has 3 energies at Earth from 0\.5 to 6"):
        planned(folder)


def test_paths_and_manifests_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        find_sources([tmp_path / "none"])
    with pytest.raises(FileError, match=r"holds no \*\.txt"):
        find_sources([tmp_path])
    with pytest.raises(InputError, match="no files"):
        plan_import([])
    write(tmp_path, "path,titl\none.csv,5\n", "list.csv")
    with pytest.raises(InputError, match="Did you mean 'tilt'"):
        read_manifest(tmp_path / "list.csv")
    write(tmp_path, "tilt\n5\n", "list.csv")
    with pytest.raises(InputError, match=r"list\.csv:2: no path"):
        read_manifest(tmp_path / "list.csv")
    write(tmp_path, "path,tilt\none.csv,5,6\n", "list.csv")
    with pytest.raises(InputError, match=r"list\.csv:2: 3 cells"):
        read_manifest(tmp_path / "list.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\x80\x81")
    with pytest.raises(InputError, match="not a text file"):
        planned(tmp_path / "bytes.csv")
    for option, message in (
        ({"tolerance": 2.0}, "tolerance = 2"),
        ({"space": "galxy"}, "galaxy"),
        ({"shard_size": 0}, "shard_size"),
    ):
        with pytest.raises(InputError, match=message):
            planned(write(tmp_path, text(matrix(10))), **option)
