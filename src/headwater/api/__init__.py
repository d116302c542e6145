"""What a user calls: load, train, simulate, run.

Everything the command line does, it does through these functions.
"""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.api.comparison import PolicyComparison
    from headwater.api.decisions import Decision
    from headwater.api.jobs import submit
    from headwater.api.outcomes import RunResult, Simulation, StoppedError
    from headwater.api.policy import Policy
    from headwater.api.programs import extensive_form, stage_program
    from headwater.api.runs import run
    from headwater.api.simulation import run_simulation, simulate, simulate_to_disk
    from headwater.api.stored_policies import check_policy, load_policy, save_policy
    from headwater.api.sweeps import Sweep, sweep
    from headwater.api.training import run_training, train
    from headwater.api.uncertainty import FitResult, fit, scenarios
    from headwater.api.validation import validate_case
else:
    __getattr__, __dir__ = on_demand(
        "headwater.api",
        {
            "headwater.api.comparison": ("PolicyComparison",),
            "headwater.api.decisions": ("Decision",),
            "headwater.api.jobs": ("submit",),
            "headwater.api.policy": ("Policy",),
            "headwater.api.programs": ("extensive_form", "stage_program"),
            "headwater.api.validation": ("validate_case",),
            "headwater.api.outcomes": ("RunResult", "Simulation", "StoppedError"),
            "headwater.api.runs": ("run",),
            "headwater.api.simulation": ("run_simulation", "simulate", "simulate_to_disk"),
            "headwater.api.stored_policies": ("check_policy", "load_policy", "save_policy"),
            "headwater.api.training": ("run_training", "train"),
            "headwater.api.sweeps": ("Sweep", "sweep"),
            "headwater.api.uncertainty": ("FitResult", "fit", "scenarios"),
        },
    )

__all__ = [
    "Decision",
    "FitResult",
    "Policy",
    "PolicyComparison",
    "RunResult",
    "Simulation",
    "StoppedError",
    "Sweep",
    "check_policy",
    "extensive_form",
    "fit",
    "load_policy",
    "run",
    "run_simulation",
    "run_training",
    "save_policy",
    "scenarios",
    "simulate",
    "simulate_to_disk",
    "stage_program",
    "submit",
    "sweep",
    "train",
    "validate_case",
]
