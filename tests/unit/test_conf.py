"""Every file in conf/ composes, and says to a physicist what each of its keys is."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from pathlib import Path

import pytest

from propmat.cli.config import Config, compose_config, options
from propmat.cli.convert import build
from propmat.cli.help import commented_yaml
from propmat.cli.main import COMMANDS
from propmat.emulator import GalacticTrainingConfig, ParticleTrainingConfig, TrainingConfig
from propmat.errors import InputError
from propmat.fit import FitConfig
from propmat.galaxy import Galaxy
from propmat.galaxy.galprop_adapter import GalpropSettings
from propmat.heliosphere import Heliosphere
from propmat.resources import conf_dir
from propmat.samples import Design, ParticleDesign, SpectraDesign

FILES = sorted(path.relative_to(conf_dir()).with_suffix("").as_posix() for path in conf_dir().rglob("*.yaml"))


@lru_cache(maxsize=1)
def default_configs() -> dict[str, Config]:
    return {command: compose_config(command, require=False) for command in COMMANDS}


@pytest.mark.parametrize("file", FILES)
def test_every_file_composes(file: str) -> None:
    group, _, choice = file.rpartition("/")
    if not group:
        assert compose_config(choice, require=False).values
        return
    kind, _, command = group.partition("/")
    commands = [command] if command else [name for name, item in default_configs().items() if group in item.choices]
    assert commands, f"no command uses {group}"
    for name in commands:
        assert compose_config(name, [f"{kind}={choice}"], require=False).choices[group] == choice


def test_every_command_has_a_config() -> None:
    assert set(COMMANDS) == {path.stem for path in conf_dir().glob("*.yaml")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_is_explained(command: str) -> None:
    keys = [line for line in commented_yaml(default_configs()[command]).splitlines() if ":" in line]
    # Entries of a list of channels are explained by the line of the list.
    unexplained = [line for line in keys if "#" not in line and line.strip() not in ("sampler:", "polarity: 1")]
    assert not [line for line in unexplained if not line.strip().startswith(("- ", "polarity"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_key_has_the_name_of_a_group(command: str) -> None:
    """Hydra takes ``name=value`` for a choice of a file wherever a folder of that name exists."""
    config = default_configs()[command]
    groups = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    assert set(config.values) & groups <= set(config.choices)


def samples(choice: str) -> dict[str, object]:
    return dict(compose_config("simulate", [f"samples={choice}"], require=False).values["samples"])


LISTED = [choice for choice in options("samples") if samples(choice)["kind"] == "listed"]
SEQUENCES = [choice for choice in options("samples") if choice not in LISTED]


@pytest.mark.parametrize("choice", SEQUENCES)
def test_samples_are_designs(choice: str) -> None:
    values = samples(choice)
    channels = values.get("channels", [0])
    assert isinstance(channels, list)
    count = values["count"]
    if values["kind"] == "particles":
        assert build(ParticleDesign, {k: v for k, v in values.items() if k != "space"}, "samples").samples == count
        return
    kind, other = (SpectraDesign, "matrices") if values["space"] == "galaxy" else (Design, "row_step")
    made = build(kind, {key: value for key, value in values.items() if key not in ("space", other)}, "samples")
    assert made.samples == made.count * len(channels)


def test_test_samples_are_not_training_samples() -> None:
    assert len({samples(choice)["seed"] for choice in SEQUENCES}) == len(SEQUENCES)


@pytest.mark.parametrize("choice", options("simulator"))
def test_simulator_offers_every_attribute_of_the_model(choice: str) -> None:
    keys = set(compose_config("simulate", [f"simulator={choice}"]).values["simulator"])
    expected = {
        "galaxy": {field.name for field in fields(Galaxy)} - {"name"} | {"kind", "preset"},
        "galprop": {field.name for field in fields(GalpropSettings)} | {"kind"},
    }
    assert keys == expected.get(choice, {field.name for field in fields(Heliosphere)} - {"name"} | {"preset"})


def test_galprop_defaults_are_those_of_the_adapter() -> None:
    values = compose_config("simulate", ["simulator=galprop"]).values["simulator"]
    settings = {key: value for key, value in values.items() if key != "kind"}
    assert build(GalpropSettings, settings, "simulator") == GalpropSettings(Path("galprop"))


@pytest.mark.parametrize("experiment", options("experiment/train"))
def test_training_experiments_are_configurations(experiment: str) -> None:
    values = compose_config("train", [f"experiment={experiment}"]).values
    histograms = GalacticTrainingConfig if experiment.startswith("galaxy") else TrainingConfig
    kind = ParticleTrainingConfig if values["trainer"].keys() >= {"rows"} else histograms
    build(kind, {key: values[key] for key in ("emulator", "optimizer", "trainer")})


def test_defaults_are_those_of_the_dataclasses() -> None:
    training = compose_config("train").values
    assert (
        build(TrainingConfig, {key: training[key] for key in ("emulator", "optimizer", "trainer")}) == TrainingConfig()
    )
    assert build(FitConfig, compose_config("fit").values["fit"], "fit") == FitConfig()


def test_no_file_names_python_code_or_a_place_on_a_machine() -> None:
    for path in conf_dir().rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert "_target_" not in text and str(Path.home()) not in text and ": /" not in text


def test_one_screen_each() -> None:
    for path in conf_dir().rglob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 40 and max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("emulator.n_bases=3", "Did you mean 'emulator.n_basis'"),
        ("emulatr.n_basis=3", "Did you mean 'emulator.n_basis'"),
        ("emulator=propmt", "Did you mean 'propmat'"),
        ("experiment=heliosphere_smal", "Did you mean 'heliosphere_small'"),
        ("+emulator.new=3", "cannot read"),
        ("~emulator", "cannot read"),
        ("emulator.n_basis=1,2", "cannot read"),
        ("emulator.n_basis", "cannot read"),
        ("emulator={n_basis: 3}", "unknown emulator"),
        ("emulator._target_=os.system", "unknown key"),
    ],
)
def test_wrong_overrides_are_refused(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        compose_config("train", [override])
