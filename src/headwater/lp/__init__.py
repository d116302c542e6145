"""From a system and a stage to a linear program.

Here are the canonical template, its solvable forms, and what reads solutions back.
"""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.core.ids import ABSENT
    from headwater.core.program import AssembledLp, LpBuilder
    from headwater.equipment.hydro.fpha_fit import FittedPlanes, fit_planes, with_fitted_planes
    from headwater.equipment.hydro.head import LinearHead, linear_heads
    from headwater.equipment.reading import StageSolutions
    from headwater.equipment.thermal.pipelines import (
        Pipeline,
        gnl_pipelines,
        initial_commitments_mw,
    )
    from headwater.lp.advice import program_warnings
    from headwater.lp.diagnosis import Diagnosis, diagnose_program
    from headwater.lp.explain import Explanation, explain_infeasible, explain_unbounded, in_words
    from headwater.lp.forms import StageForm, make_form
    from headwater.lp.future_cost import Outlook, future_cost_lower_bounds
    from headwater.lp.mps import read_basis, read_program
    from headwater.lp.program import NamedProgram, named_program
    from headwater.lp.readout import (
        CATEGORIES,
        IMPUTED,
        StageReadout,
        components_of,
        sum_components,
    )
    from headwater.lp.scaling import Scaling, money_at_stake, money_unit, scaling_of
    from headwater.lp.state_prices import StatePrices, StateRepairs
    from headwater.lp.statistics import ProgramStatistics, program_statistics
    from headwater.lp.template import (
        DeclaredStage,
        StageTemplate,
        build_stage_template,
        declare_stage,
    )
    from headwater.lp.writing import basis_lines, write_program
else:
    __getattr__, __dir__ = on_demand(
        "headwater.lp",
        {
            "headwater.lp.advice": ("program_warnings",),
            "headwater.core.ids": ("ABSENT",),
            "headwater.core.program": (
                "AssembledLp",
                "LpBuilder",
            ),
            "headwater.lp.diagnosis": (
                "Diagnosis",
                "diagnose_program",
            ),
            "headwater.lp.explain": (
                "Explanation",
                "explain_infeasible",
                "explain_unbounded",
                "in_words",
            ),
            "headwater.lp.forms": (
                "StageForm",
                "make_form",
            ),
            "headwater.equipment.hydro.fpha_fit": (
                "FittedPlanes",
                "fit_planes",
                "with_fitted_planes",
            ),
            "headwater.lp.future_cost": (
                "Outlook",
                "future_cost_lower_bounds",
            ),
            "headwater.equipment.hydro.head": (
                "LinearHead",
                "linear_heads",
            ),
            "headwater.lp.mps": (
                "read_basis",
                "read_program",
            ),
            "headwater.equipment.thermal.pipelines": (
                "Pipeline",
                "gnl_pipelines",
                "initial_commitments_mw",
            ),
            "headwater.lp.program": (
                "NamedProgram",
                "named_program",
            ),
            "headwater.equipment.reading": ("StageSolutions",),
            "headwater.lp.readout": (
                "CATEGORIES",
                "IMPUTED",
                "IMPUTED",
                "components_of",
                "StageReadout",
                "sum_components",
            ),
            "headwater.lp.scaling": (
                "Scaling",
                "money_at_stake",
                "money_unit",
                "scaling_of",
            ),
            "headwater.lp.state_prices": (
                "StatePrices",
                "StateRepairs",
            ),
            "headwater.lp.statistics": (
                "ProgramStatistics",
                "program_statistics",
            ),
            "headwater.lp.template": (
                "DeclaredStage",
                "StageTemplate",
                "build_stage_template",
                "declare_stage",
            ),
            "headwater.lp.writing": (
                "basis_lines",
                "write_program",
            ),
        },
    )

__all__ = [
    "ABSENT",
    "CATEGORIES",
    "IMPUTED",
    "AssembledLp",
    "DeclaredStage",
    "Diagnosis",
    "Explanation",
    "FittedPlanes",
    "LinearHead",
    "LpBuilder",
    "NamedProgram",
    "Outlook",
    "Pipeline",
    "ProgramStatistics",
    "Scaling",
    "StageForm",
    "StageReadout",
    "StageSolutions",
    "StageTemplate",
    "StatePrices",
    "StateRepairs",
    "basis_lines",
    "build_stage_template",
    "components_of",
    "declare_stage",
    "diagnose_program",
    "explain_infeasible",
    "explain_unbounded",
    "fit_planes",
    "future_cost_lower_bounds",
    "gnl_pipelines",
    "in_words",
    "initial_commitments_mw",
    "linear_heads",
    "make_form",
    "money_at_stake",
    "money_unit",
    "named_program",
    "program_statistics",
    "program_warnings",
    "read_basis",
    "read_program",
    "scaling_of",
    "sum_components",
    "with_fitted_planes",
    "write_program",
]
