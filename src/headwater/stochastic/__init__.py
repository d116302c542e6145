"""From a `headwater.model.System` to the random numbers of its stage problems.

Nothing here knows a linear program or a file. Everything is a function of the system and of seeds.
"""

from headwater.stochastic.correlation import Correlator, build_correlator
from headwater.stochastic.inflow_model import InflowModel, truncate
from headwater.stochastic.lagstate import shift_lags
from headwater.stochastic.layout import NoiseLayout, noise_layout
from headwater.stochastic.normal import (
    AvailabilityModel,
    LoadModel,
    build_availability_model,
    build_load_model,
)
from headwater.stochastic.opening_tree import OpeningTree
from headwater.stochastic.par import build_inflow_model
from headwater.stochastic.samplers import simulation_sampler, stopping_sampler, training_sampler
from headwater.stochastic.sampling import Sampler
from headwater.stochastic.short_history import LEAST_OBSERVATIONS, ShortHistoryError
from headwater.stochastic.tree import build_opening_tree
from headwater.stochastic.uncertainty import Uncertainty, build_uncertainty, study_uncertainty
from headwater.stochastic.wording import openings_in_words, uncertainty_differences

__all__ = [
    "LEAST_OBSERVATIONS",
    "AvailabilityModel",
    "Correlator",
    "InflowModel",
    "LoadModel",
    "NoiseLayout",
    "OpeningTree",
    "Sampler",
    "ShortHistoryError",
    "Uncertainty",
    "build_availability_model",
    "build_correlator",
    "build_inflow_model",
    "build_load_model",
    "build_opening_tree",
    "build_uncertainty",
    "noise_layout",
    "openings_in_words",
    "shift_lags",
    "simulation_sampler",
    "stopping_sampler",
    "study_uncertainty",
    "training_sampler",
    "truncate",
    "uncertainty_differences",
]
