"""Headwater plans the operation of hydrothermal power systems under uncertainty.

    import headwater as hw

    case = hw.load_case("examples/four-subsystems")
    policy = hw.train(case)
    simulation = hw.simulate(policy)
    simulation.table("hydros")

A system can also be built in code from the classes of `headwater.model`.
"""

from headwater import model
from headwater._version import __version__
from headwater.api import (
    FitResult,
    RunResult,
    Simulation,
    StoppedError,
    check_policy,
    fit,
    load_policy,
    run,
    save_policy,
    scenarios,
    simulate,
    stage_program,
    train,
    validate_case,
)
from headwater.case import Case, Report, load_case
from headwater.errors import (
    CaseError,
    HeadwaterError,
    InfeasibleError,
    ModelError,
    PolicyError,
    ResultsError,
    SolverError,
    StopTraining,
    UnboundedError,
    UnsupportedFeatureError,
)
from headwater.lp import write_program
from headwater.model import Study, StudyConfig, System, TrainingConfig
from headwater.policy import PolicyCheck, export_policy, verify_policy
from headwater.results import Results, load_results
from headwater.sddp import Policy

__all__ = [
    "Case",
    "CaseError",
    "FitResult",
    "HeadwaterError",
    "InfeasibleError",
    "ModelError",
    "Policy",
    "PolicyCheck",
    "PolicyError",
    "Report",
    "Results",
    "ResultsError",
    "RunResult",
    "Simulation",
    "SolverError",
    "StopTraining",
    "StoppedError",
    "Study",
    "StudyConfig",
    "System",
    "TrainingConfig",
    "UnboundedError",
    "UnsupportedFeatureError",
    "__version__",
    "check_policy",
    "export_policy",
    "fit",
    "load_case",
    "load_policy",
    "load_results",
    "model",
    "run",
    "save_policy",
    "scenarios",
    "simulate",
    "stage_program",
    "train",
    "validate_case",
    "verify_policy",
    "write_program",
]
