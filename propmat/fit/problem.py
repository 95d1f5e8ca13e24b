"""Everything a fit is made of, read and checked before any work starts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import torch

from propmat.fit.config import FitConfig
from propmat.fit.likelihood import ErrorModel, LisConstraint
from propmat.fit.lis import FixedLis, LisModel
from propmat.fit.observations import Conditions, Fluxes, observed_conditions, observed_fluxes
from propmat.fit.posterior import Posterior
from propmat.fit.prediction import FluxModel, MatrixEmulator
from propmat.fit.sampler import check_walkers
from propmat.measurements import antiproton_lis, voyager_proton_lis
from propmat.spectra import proton_lis


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything a fit is made of, ready to be evaluated.

    Attributes:
        config: what was asked for.
        conditions: of each rotation.
        lis: the proton LIS with its free values.
        antiproton_lis: fixed.
        protons, antiprotons: measured.
        antiproton_model: predicts the antiprotons.
        posterior: of the parameters, from the protons.
        force_field_errors: those of the protons for the force field, which has no emulator error.
    """

    config: FitConfig
    conditions: Conditions
    lis: LisModel
    antiproton_lis: FixedLis
    protons: Fluxes
    antiprotons: Fluxes
    antiproton_model: FluxModel
    posterior: Posterior
    force_field_errors: ErrorModel

    @property
    def digest(self) -> str:
        """Hash of what the posterior depends on; a longer chain or another chunk is the same problem."""
        config = asdict(self.config)
        for key in ("steps", "burn", "chunk"):
            del config["sampler"][key]
        del config["emulator"]  # a path may change; what the emulator and the data say is in the residuals
        with torch.no_grad():
            residuals = self.posterior.residuals(torch.from_numpy(self.posterior.centre)).tolist()
        text = json.dumps([config, [f"{value:.6e}" for value in residuals]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def build_problem(config: FitConfig, emulator: MatrixEmulator) -> Problem:
    """Read the measurements and set up the posterior.

    Raises:
        InputError: a rotation without data, conditions outside the emulator's domain, or too few walkers.
    """
    protons = observed_fluxes("proton", config.rotations)
    antiprotons = observed_fluxes("antiproton", config.rotations)
    conditions = observed_conditions(config, emulator.parameters)
    fixed = FixedLis(antiproton_lis())
    posterior, lis = build_posterior(config, emulator, conditions, protons)
    check_walkers(config.sampler, posterior.size)
    antiproton_model = FluxModel(emulator, conditions, antiprotons.edges, "antiproton", fixed)
    plain_errors = ErrorModel(protons, config.systematics, emulator_error=0.0)
    return Problem(config, conditions, lis, fixed, protons, antiprotons, antiproton_model, posterior, plain_errors)


def build_posterior(
    config: FitConfig, emulator: MatrixEmulator, conditions: Conditions, protons: Fluxes
) -> tuple[Posterior, LisModel]:
    """The posterior of (K0, a, b) of each rotation and of the values of a LIS, and that LIS.

    Raises:
        InputError: the emulator does not know protons at a rotation's polarity.
    """
    lis = LisModel(proton_lis(), config.lis_free_above)
    posterior = Posterior(
        config.rotations,
        FluxModel(emulator, conditions, protons.edges, "proton", lis),
        ErrorModel(protons, config.systematics, config.emulator_error),
        LisConstraint(lis, voyager_proton_lis(), config.lis_width),
        lis.names,
    )
    return posterior, lis
