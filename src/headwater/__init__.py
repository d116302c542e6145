"""Headwater plans the operation of hydrothermal power systems under uncertainty.

    import headwater as hw

    case = hw.load_case("examples/four-subsystems")
    policy = hw.train(case)
    simulation = hw.simulate(policy)
    simulation.table("hydros")

A system can also be built in code from the classes of `headwater.model`.
"""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand
from headwater._version import __version__

if TYPE_CHECKING:
    from headwater import examples, jobs, model, pypsa
    from headwater.api.comparison import PolicyComparison
    from headwater.api.decisions import Decision
    from headwater.api.jobs import submit
    from headwater.api.outcomes import RunResult, Simulation, StoppedError
    from headwater.api.policy import Policy
    from headwater.api.programs import extensive_form, stage_program
    from headwater.api.runs import run
    from headwater.api.simulation import simulate, simulate_to_disk
    from headwater.api.stored_policies import check_policy, load_policy, save_policy
    from headwater.api.sweeps import Sweep, sweep
    from headwater.api.training import train
    from headwater.api.uncertainty import FitResult, fit, scenarios
    from headwater.api.validation import validate_case
    from headwater.api.warm_up import warm_up
    from headwater.case import (
        Case,
        Report,
        SystemBuilder,
        convert_case,
        describe_case,
        json_schemas,
        load_case,
        write_schemas,
        write_starter,
    )
    from headwater.errors import (
        CaseError,
        HeadwaterError,
        InfeasibleError,
        InUseError,
        ModelError,
        PolicyError,
        ResultsError,
        SolverError,
        StopTraining,
        UnboundedError,
        UnknownNameError,
        UnsupportedFeatureError,
        UsageError,
    )
    from headwater.lp import diagnose_program, read_program, write_program
    from headwater.model import Study, StudyConfig, System, TrainingConfig
    from headwater.policy import PolicyCheck, export_policy, verify_policy
    from headwater.report import write_report, write_workbook
    from headwater.results import Results, load_results
    from headwater.results.comparison import compare_results
    from headwater.results.overview import overview
else:
    __getattr__, __dir__ = on_demand(
        "headwater",
        {
            "headwater.api.comparison": ("PolicyComparison",),
            "headwater.api.decisions": ("Decision",),
            "headwater.api.jobs": ("submit",),
            "headwater.api.policy": ("Policy",),
            "headwater.api.programs": ("extensive_form", "stage_program"),
            "headwater.api.validation": ("validate_case",),
            "headwater.api.warm_up": ("warm_up",),
            "headwater.api.outcomes": ("RunResult", "Simulation", "StoppedError"),
            "headwater.api.runs": ("run",),
            "headwater.api.simulation": ("simulate", "simulate_to_disk"),
            "headwater.api.stored_policies": ("check_policy", "load_policy", "save_policy"),
            "headwater.api.training": ("train",),
            "headwater.api.sweeps": ("Sweep", "sweep"),
            "headwater.api.uncertainty": ("FitResult", "fit", "scenarios"),
            "headwater.case": (
                "Case",
                "Report",
                "SystemBuilder",
                "convert_case",
                "describe_case",
                "json_schemas",
                "load_case",
                "write_schemas",
                "write_starter",
            ),
            "headwater.errors": (
                "CaseError",
                "HeadwaterError",
                "InUseError",
                "InfeasibleError",
                "ModelError",
                "PolicyError",
                "ResultsError",
                "SolverError",
                "StopTraining",
                "UnboundedError",
                "UnknownNameError",
                "UnsupportedFeatureError",
                "UsageError",
            ),
            "headwater.lp": ("diagnose_program", "read_program", "write_program"),
            "headwater.model": ("Study", "StudyConfig", "System", "TrainingConfig"),
            "headwater.policy": ("PolicyCheck", "export_policy", "verify_policy"),
            "headwater.report": ("write_report", "write_workbook"),
            "headwater.results": ("Results", "load_results"),
            "headwater.results.comparison": ("compare_results",),
            "headwater.results.overview": ("overview",),
        },
        (
            "api",
            "case",
            "distributed",
            "errors",
            "examples",
            "files",
            "jobs",
            "lp",
            "model",
            "policy",
            "pypsa",
            "results",
            "sddp",
            "solver",
            "stochastic",
        ),
    )

__all__ = [
    "Case",
    "CaseError",
    "Decision",
    "FitResult",
    "HeadwaterError",
    "InUseError",
    "InfeasibleError",
    "ModelError",
    "Policy",
    "PolicyCheck",
    "PolicyComparison",
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
    "Sweep",
    "System",
    "SystemBuilder",
    "TrainingConfig",
    "UnboundedError",
    "UnknownNameError",
    "UnsupportedFeatureError",
    "UsageError",
    "__version__",
    "check_policy",
    "compare_results",
    "convert_case",
    "describe_case",
    "diagnose_program",
    "examples",
    "export_policy",
    "extensive_form",
    "fit",
    "jobs",
    "json_schemas",
    "load_case",
    "load_policy",
    "load_results",
    "model",
    "overview",
    "pypsa",
    "read_program",
    "run",
    "save_policy",
    "scenarios",
    "simulate",
    "simulate_to_disk",
    "stage_program",
    "submit",
    "sweep",
    "train",
    "validate_case",
    "verify_policy",
    "warm_up",
    "write_program",
    "write_report",
    "write_schemas",
    "write_starter",
    "write_workbook",
]
