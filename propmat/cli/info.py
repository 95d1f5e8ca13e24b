"""Describes what is in a sample store, a bundle or a run folder; without a target, this installation.

Examples:
  propmat info                              versions, and what is shipped
  propmat info heliosphere                  a shipped emulator: its domain, its training, its accuracy
  propmat info runs/heliosphere_tiny        a sample store: what made it, its samples, its parameters, its size
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from propmat.cli.config import Config
from propmat.cli.runs import shipped, shipped_names
from propmat.errors import InputError, unknown_name

if TYPE_CHECKING:
    from propmat.emulator import GalacticEmulator
    from propmat.samples import ParticleStore, SampleStore, SpectraStore


def run(config: Config) -> None:
    """Describe the target.

    Raises:
        InputError: there is nothing of that name.
        FileError: what is there is damaged.
    """
    target = config.get("target", str | None)
    if target is None:
        _installation()
        return
    emulators, stores = shipped_names("emulators", ".safetensors"), shipped_names("samples")
    path = Path(target)
    if not path.exists() and target not in (*emulators, *stores):
        raise unknown_name("path, shipped emulator or sample store", target, [*emulators, *stores])
    if path.suffix == ".safetensors" or target in emulators:
        _bundle(shipped("emulators", target, ".safetensors"))
    elif ((folder := shipped("samples", target)) / "store.json").is_file():
        _store(folder)
    elif folder.is_dir():
        _folder(folder)
    else:
        raise InputError(f"{target} is not a run folder, a sample store or a bundle.")


def _installation() -> None:
    from propmat.report.sources import measurement_sources, versions

    for package, version in versions().items():
        print(f"{package:<14}{version}")
    print(f"\nshipped emulators:    {', '.join(shipped_names('emulators', '.safetensors')) or 'none'}")
    print(f"shipped sample sets:  {', '.join(shipped_names('samples')) or 'none'}")
    print(f"shipped measurements: {', '.join(source.name for source in measurement_sources())}")


def _store(path: Path) -> None:
    from propmat.samples import ImportedDesign, ImportedSpectra, ParticleStore, SampleStore, open_store

    store = open_store(path)
    header = store.header
    design, missing = header.design, store.missing()
    print(f"sample store {path}")
    print(f"  simulator    {header.simulator} {header.simulator_version}, model {header.model.get('name', '?')}")
    if isinstance(design, ImportedDesign | ImportedSpectra):
        print(f"  imported     {design.samples} files, {design.entries[0].file} to {design.entries[-1].file}")
    if isinstance(store, SampleStore):
        _histograms(store, missing)
    elif isinstance(store, ParticleStore):
        _particles(store, missing)
    else:
        _spectra(store)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    print(f"  files        {design.shards - len(missing)} of {design.shards} finished; {size / 1e6:.3g} MB")
    for parameter in header.parameter_space.parameters:
        print(f"  {parameter.name:<13}{parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip())
    for key, value in header.provenance.items():
        print(f"  {key:<13}{value}")


def _histograms(store: SampleStore, missing: Sequence[int]) -> None:
    """What is particular to samples of the heliosphere."""
    from propmat.samples import Truncation

    header = store.header
    design = header.design
    channels = ", ".join(map(str, design.channels))
    print(f"  samples      {design.count} points of {header.space} in {len(design.channels)} channels: {channels}")
    print(f"  particles    {design.particles} an energy; {header.grid.shape[0]} energies at Earth, ", end="")
    print(f"{header.grid.toa[0]:g}-{header.grid.toa[-1]:g} GeV/n; {header.grid.shape[1]} interstellar bins")
    if len(missing) < design.shards:
        finished = (store.read_shard(shard) for shard in range(design.shards) if shard not in missing)
        print(f"  in no column {Truncation.of(table for table in finished if table)}")


def _particles(store: ParticleStore, missing: Sequence[int]) -> None:
    """What is particular to particles with parameters of their own."""
    header = store.header
    design = header.design
    channels = ", ".join(map(str, design.channels))
    finished = (store.read_shard(shard) for shard in range(design.shards) if shard not in missing)
    lost = sum(int(table.truncated.sum()) for table in finished if table)
    print(f"  particles    {design.count}, number {design.start} to {design.start + design.count - 1}, each at its own")
    print(f"               point of {header.space}, in {len(design.channels)} channels: {channels}")
    print(f"  energies     {design.energy_low:g}-{design.energy_high:g} GeV/n at Earth, even in the logarithm")
    print(f"  given up     {lost} of the finished ones, at the step cap")


def _spectra(store: SpectraStore) -> None:
    """What is particular to samples of the Galaxy."""
    header = store.header
    grid, energies = header.grid, header.grid.kinetic_energy
    print(f"  samples      {header.design.samples} points of {header.space}")
    print(f"  energies     {energies.size}, {energies[0]:g}-{energies[-1]:g} GeV/n")
    print(f"  species      {', '.join(grid.species)}")
    print(f"  parts        {', '.join(grid.parts) or 'none'}")
    print(f"  matrices     {', '.join(' to '.join(pair) for pair in grid.matrices) or 'none'}")


def _bundle(path: Path) -> None:
    import propmat
    from propmat.emulator import Accuracy, GalacticEmulator
    from propmat.report.evaluation import accuracy_table

    emulator = propmat.load(path)
    if isinstance(emulator, GalacticEmulator):
        _galactic_bundle(path, emulator)
        return
    card = emulator.card
    signs = ", ".join(f"{sign:+d}" for sign in card.drift_signs)
    print(f"emulator {path}\n  energies     {emulator.grid.toa[0]:g}-{emulator.grid.toa[-1]:g} GeV/n at Earth")
    print(f"  drift signs  {signs}\n  A/|Z|        {' to '.join(f'{end:g}' for end in card.nucleons_per_charge)}")
    for parameter in emulator.parameters.parameters:
        print(f"  {parameter.name:<13}{parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip())
    if card.accuracy:
        print(f"\naccuracy on held-out points: {accuracy_table(Accuracy.from_dict(card.accuracy))}")
    print(f"\n{json.dumps({'network': asdict(card.network), **card.provenance}, indent=1)}")


def _galactic_bundle(path: Path, emulator: GalacticEmulator) -> None:
    from propmat.emulator.galactic_metrics import GalacticAccuracy

    card, energies = emulator.card, emulator.kinetic_energy
    print(f"emulator {path}\n  energies     {energies[0]:g}-{energies[-1]:g} GeV/n at the Sun, before modulation")
    print(f"  species      {', '.join(emulator.species)}")
    for parameter in emulator.parameters.parameters:
        print(f"  {parameter.name:<13}{parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip())
    if card.accuracy:
        accuracy = GalacticAccuracy.from_dict(card.accuracy)
        print(f"\naccuracy at {accuracy.points} held-out samples:\n{accuracy.table()}")
    print(f"\n{json.dumps({'network': asdict(card.network), **card.provenance}, indent=1)}")


def _folder(path: Path) -> None:
    print(f"folder {path}")
    for entry in sorted(path.iterdir()):
        print(f"  {entry.name}")
