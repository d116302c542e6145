"""Compiling the engine: whether it has to be, and doing it ahead of time."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np

from headwater.case import SyntheticSize, load_case, write_synthetic
from headwater.model import Formulation, InflowNonNegativity, Study
from headwater.sddp.problems import build_problems
from headwater.sddp.simulation import simulate_policy
from headwater.sddp.training import train_policy
from headwater.solver import Basis
from headwater.solver.compiled import code_cache

_SIZE = SyntheticSize(hydros=2, lags=1, stages=3, openings=3, blocks=1, thermals=2, forward_passes=2, iterations=2)


def is_compiled() -> bool:
    """Whether the engine lies compiled on disk, so that a run begins at once."""
    return code_cache().is_complete


def compile_engine() -> float:
    """Run a tiny study through every compiled function, so that all of them are kept on disk; returns the seconds it took."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        study: Study = load_case(write_synthetic(Path(directory) / "case", _SIZE))
    for method in (InflowNonNegativity.PENALTY, InflowNonNegativity.TRUNCATION):
        for formulation in (Formulation.CONDENSED, Formulation.EXPLICIT):
            training = dataclasses.replace(study.config.training, formulation=formulation)
            config = dataclasses.replace(study.config, training=training, inflow_non_negativity=method)
            variant = dataclasses.replace(study, config=config)
            policy = train_policy(variant)
            simulate_policy(policy, variant, n_scenarios=2, sink=lambda _: None)
    _ask_highs_once(study)
    code_cache().complete()
    return time.perf_counter() - started


def _ask_highs_once(study: Study) -> None:
    """Give the engine a basis that it cannot factorise, so that HiGHS is asked."""
    problems = build_problems(study)
    stage, programs = problems.stages[0], problems.new_programs()
    nothing = Basis(np.zeros(stage.form.n_columns, np.int32), np.zeros(stage.n_rows, np.int32))
    programs.solve(0, problems.initial_state, stage.openings, nothing)
