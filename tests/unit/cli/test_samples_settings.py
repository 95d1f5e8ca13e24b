"""Samples of one kind asked for with the file of another: an error that names the key, before anything is written."""

import pytest

from propmat.cli import simulate
from propmat.cli.config import compose_config
from propmat.errors import InputError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("samples=particles_tiny", "samples.kind=sobol"), r"samples\.row_step is missing"),
        (("samples=particles_tiny", "samples.kind=listed"), r"samples\.row_step is missing"),
        (("samples=sobol_small", "samples.space=heliosphere"), r"samples\.row_step is missing"),
        (
            ("samples=sobol_small", "samples.space=heliosphere", "samples.kind=particles"),
            r"samples\.channels is missing",
        ),
        (("simulator=galaxy", "samples=heliosphere_tiny", "samples.space=galaxy"), r"samples\.matrices is missing"),
        (("samples=heliosphere_tiny", "samples.kind=listed"), r"needs samples\.points"),
        (("samples=heliosphere_tiny", "samples.kind=particles"), r"unknown key 'samples\.particles'"),
        (("samples=heliosphere_tiny", "samples.kind=soboll"), "Did you mean 'sobol'"),
        (("samples=sobol_small",), r"choose others, such as samples=heliosphere_small"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, words, message):
    config = compose_config("simulate", [*words, f"output={tmp_path}/store"])
    with pytest.raises(InputError, match=message):
        simulate.run(config)
    assert not list(tmp_path.iterdir())
