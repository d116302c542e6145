"""How fast the engine is: workloads, measurements, and a report of them."""

from headwater_bench.comparison import Comparison, StageEffort, WayTimes, compare
from headwater_bench.machine import describe_machine
from headwater_bench.report import (
    comparison_table,
    effort_table,
    scaling_report,
    summary_head,
    summary_row,
    training_table,
)
from headwater_bench.scaling import Scaling, time_scaling
from headwater_bench.training_times import TrainingTimes, Workers, time_training
from headwater_bench.workload import Workload, record_workload

__all__ = [
    "Comparison",
    "Scaling",
    "StageEffort",
    "TrainingTimes",
    "WayTimes",
    "Workers",
    "Workload",
    "compare",
    "comparison_table",
    "describe_machine",
    "effort_table",
    "record_workload",
    "scaling_report",
    "summary_head",
    "summary_row",
    "time_scaling",
    "time_training",
    "training_table",
]
