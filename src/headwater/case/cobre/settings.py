"""``config.json`` and ``stages.json`` of the newer dialect."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from headwater.case.cobre.newer import Newer, Steps, number, objects, whole

_CONFIG, _STAGES = "config.json", "stages.json"
_OPENINGS = "scenarios/noise_openings.parquet"


def read_stages(newer: Newer) -> None:
    """Rewrite ``stages.json``: openings, discount rates of stages, and nodes of the graph."""
    file = newer.raw.get(_STAGES, {})
    rates: dict[int, float] = {}
    for _, stage in objects(file.get("stages")):
        if "num_openings" in stage:
            stage.setdefault("num_scenarios", stage.pop("num_openings"))
        rate = stage.pop("annual_discount_rate_override", None)
        if rate is not None and whole(stage.get("id")):
            rates[stage["id"]] = rate
    graph = file.get("policy_graph")
    if isinstance(graph, dict):
        _chain_of_nodes(newer, graph)
        _rates_of_stages(newer, graph, rates)


def _chain_of_nodes(newer: Newer, graph: dict[str, Any]) -> None:
    """Nodes that are the stages by another name become the stages."""
    nodes = [node for _, node in objects(graph.pop("nodes", None))]
    if not nodes:
        return
    stage_of = {node.get("id"): node.get("stage_id") for node in nodes if whole(node.get("id"))}
    single = len(set(stage_of.values())) == len(nodes)
    if not single or any(node.get("scenario_id") is not None for node in nodes):
        message = (
            "'nodes' with several nodes in a stage, or with a scenario of their own, are not part "
            "of the model here"
        )
        fix = "give one node for each stage, or leave the nodes out"
        newer.refuse(_STAGES, ("policy_graph", "nodes"), message, fix)
        graph.pop("transitions", None)
        return
    for _, transition in objects(graph.get("transitions")):
        for end in ("source_id", "target_id"):
            if whole(transition.get(end)) and transition[end] in stage_of:
                transition[end] = stage_of[transition[end]]


def _rates_of_stages(newer: Newer, graph: dict[str, Any], rates: dict[int, float]) -> None:
    """A rate of a stage is that of the transition that leaves it, where this has none."""
    ids = newer.stage_ids
    if not any(stage_id in rates for stage_id in ids[:-1]):
        return
    if not graph.get("transitions"):
        graph["transitions"] = [
            {"source_id": source, "target_id": target, "probability": 1.0}
            for source, target in pairwise(ids)
        ]
    for _, transition in objects(graph["transitions"]):
        source = transition.get("source_id")
        if whole(source) and source in rates:
            transition.setdefault("annual_discount_rate_override", rates[source])


def read_config(newer: Newer) -> None:
    """Rewrite ``config.json``."""
    config = newer.raw.get(_CONFIG, {})
    training, simulation = newer.section(_CONFIG, "training"), newer.section(_CONFIG, "simulation")
    _selection(newer, training, ("training", "selection"), "forward_passes")
    _selection(newer, simulation, ("simulation", "selection"), "num_scenarios")
    _openings(newer, training, simulation)
    _cut_selection(newer, training)
    _rules(training)
    _solver(newer, training, simulation)
    modeling = newer.section(_CONFIG, "modeling")
    if "cost_scale_factor" in modeling:
        training.setdefault("cost_scale", modeling.pop("cost_scale_factor"))
    boundary = newer.section(_CONFIG, "policy", "boundary")
    if boundary.pop("strict", False):
        newer.leave_out(
            _CONFIG,
            ("policy", "boundary", "strict"),
            "cuts of another system are always refused, so 'strict' has no effect",
        )
    exports = config.get("exports")
    if isinstance(exports, dict) and exports.pop("fpha_deviation_points", False):
        newer.leave_out(
            _CONFIG,
            ("exports", "fpha_deviation_points"),
            "'fpha_deviation_points' is left out: how far fitted planes are off stands in the "
            "account of the fit",
        )


def _selection(newer: Newer, section: dict[str, Any], steps: Steps, count: str) -> None:
    """How many trajectories are drawn; all of them only where there is one."""
    selection = section.pop("selection", None)
    if not isinstance(selection, dict):
        return
    if selection.get("method") == "sampled" and count in selection:
        section.setdefault(count, selection[count])
    elif selection.get("method") == "enumerated":
        stages = [stage for _, stage in newer.entries(_STAGES, "stages")]
        if all(stage.get("num_scenarios") == 1 for stage in stages):
            section.setdefault(count, 1)
            return
        message = "'enumerated' (every combination of openings in turn) is not part of Headwater"
        fix = f"write {{'method': 'sampled', '{count}': ...}}"
        newer.refuse(_CONFIG, steps, message, fix)
        section.setdefault(count, 1)
    else:
        message = "expected 'method' 'sampled' with its number, or 'enumerated'"
        newer.wrong("HW201", _CONFIG, steps, message, f"add 'method' and '{count}'")
        section.setdefault(count, 1)


def _openings(newer: Newer, training: dict[str, Any], simulation: dict[str, Any]) -> None:
    """A table of openings counts where the configuration asks for it."""
    asked = False
    for name, section in (("training", training), ("simulation", simulation)):
        source = section.get("scenario_source")
        if not isinstance(source, dict) or "openings" not in source:
            continue
        openings = source.pop("openings")
        kind = openings.get("source") if isinstance(openings, dict) else openings
        asked |= kind == "file"
        if kind not in ("file", "generated"):
            steps = (name, "scenario_source", "openings")
            message = "expected {'source': 'generated'} or {'source': 'file'}"
            newer.wrong("HW205", _CONFIG, steps, message, "use one of the two")
    if not asked and newer.tables.pop(_OPENINGS, None) is not None:
        newer.leave_out(
            _CONFIG,
            ("training", "scenario_source"),
            f"'{_OPENINGS}' is not read, because 'openings' does not say {{'source': 'file'}}",
        )


def _cut_selection(newer: Newer, training: dict[str, Any]) -> None:
    """The method and its parameters stand beside each other here."""
    given = training.get("cut_selection")
    if not isinstance(given, dict):
        return
    method = given.pop("selection", None)
    if "row_activity_tolerance" in given:
        given["cut_activity_tolerance"] = given.pop("row_activity_tolerance")
    if not isinstance(method, dict):
        if method is None and given.get("max_active_per_stage") is not None:
            given.setdefault("enabled", True)
            given.setdefault("method", "dynamic")
        return
    steps = ("training", "cut_selection", "selection")
    kind = method.pop("method", None)
    given.update(enabled=True, method="level1" if kind == "lml1" else kind)
    if "check_frequency" in method:
        given["check_frequency"] = method.pop("check_frequency")
    if kind == "domination" and "domination_tolerance" in method:
        given["domination_epsilon"] = method.pop("domination_tolerance")
    left = (["lml1"] if kind == "lml1" else []) + sorted(method)
    if left:
        message = (
            f"{', '.join(left)}: cuts are judged by Headwater's own "
            f"'{given['method']}', which changes how fast a study runs, not what it finds"
        )
        newer.leave_out(_CONFIG, steps, message)


def _rules(training: dict[str, Any]) -> None:
    """The relative gap is given in percent there, and as a share here."""
    for _, rule in objects(training.get("stopping_rules")):
        if rule.get("type") == "gap" and number(rule.get("relative_tolerance")):
            rule["relative_tolerance"] /= 100.0


def _solver(newer: Newer, training: dict[str, Any], simulation: dict[str, Any]) -> None:
    """Settings of the other program's solver and threads have no meaning here."""
    solver = training.get("solver")
    for section, steps in (
        (solver if isinstance(solver, dict) else {}, ("training", "solver", "backward")),
        (solver if isinstance(solver, dict) else {}, ("training", "solver", "forward")),
        (training, ("training", "parallelism")),
        (simulation, ("simulation", "solver")),
    ):
        if section.pop(steps[-1], None) is not None:
            message = f"'{'.'.join(steps)}' sets up another solver, and is left out"
            newer.leave_out(_CONFIG, steps, message)
