"""From a system and a stage to a linear program: the canonical template, its solvable forms, and reading solutions back."""

from headwater.lp.builder import ABSENT, AssembledLp, LpBuilder
from headwater.lp.forms import StageForm, make_form
from headwater.lp.future_cost import future_cost_lower_bounds
from headwater.lp.readout import CATEGORIES, StageReadout, StageSolutions, sum_components
from headwater.lp.template import StageTemplate, build_stage_template

__all__ = [
    "ABSENT",
    "CATEGORIES",
    "AssembledLp",
    "LpBuilder",
    "StageForm",
    "StageReadout",
    "StageSolutions",
    "StageTemplate",
    "build_stage_template",
    "future_cost_lower_bounds",
    "make_form",
    "sum_components",
]
