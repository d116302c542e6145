"""How fast the engine is: workloads, measurements, and a report of them."""

from headwater.benchmark.comparison import Comparison, StageEffort, WayTimes, compare
from headwater.benchmark.machine import describe_machine
from headwater.benchmark.report import (
    comparison_table,
    effort_table,
    scaling_report,
    summary_head,
    summary_row,
    training_table,
)
from headwater.benchmark.scaling import Scaling, time_scaling
from headwater.benchmark.training_times import TrainingTimes, Workers, time_training
from headwater.benchmark.workload import Workload, record_workload

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
