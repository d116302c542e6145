"""Pictures of runs, policies and inflow models, and the page that shows them."""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.report.page import write_report
    from headwater.report.plots import FitPlots, PolicyPlots, ResultsPlots, SimulationPlots
    from headwater.report.workbook import write_workbook
else:
    __getattr__, __dir__ = on_demand(
        "headwater.report",
        {
            "headwater.report.page": ("write_report",),
            "headwater.report.plots": (
                "FitPlots",
                "PolicyPlots",
                "ResultsPlots",
                "SimulationPlots",
            ),
            "headwater.report.workbook": ("write_workbook",),
        },
    )

__all__ = [
    "FitPlots",
    "PolicyPlots",
    "ResultsPlots",
    "SimulationPlots",
    "write_report",
    "write_workbook",
]
