"""How fast the engine is: workloads, measurements, and a report of them."""

from headwater.benchmark.comparison import Comparison, StageEffort, WayTimes, compare
from headwater.benchmark.machine import describe_machine
from headwater.benchmark.report import comparison_table, effort_table, summary_head, summary_row, training_table
from headwater.benchmark.training_times import TrainingTimes, time_training
from headwater.benchmark.workload import Workload, record_workload

__all__ = [
    "Comparison",
    "StageEffort",
    "TrainingTimes",
    "WayTimes",
    "Workload",
    "compare",
    "comparison_table",
    "describe_machine",
    "effort_table",
    "record_workload",
    "summary_head",
    "summary_row",
    "time_training",
    "training_table",
]
