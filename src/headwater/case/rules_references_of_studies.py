"""Layer 3: ids in production models, correlations, user constraints and stages exist."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.case.parts import Parts
from headwater.case.rules import Problem, rule
from headwater.case.rules_references import dangling, known
from headwater.core.equipment import EQUIPMENT
from headwater.model import parse_expression

_MODELS = "system/hydro_production_models.json"


@rule("HW301", needs=(_MODELS, "system/hydros.json"))
def production_hydros(parts: Parts) -> Iterator[Problem]:
    """Production models name hydros that exist."""
    file = parts.shape(_MODELS)
    ids = parts.ids("hydro")
    for position, entry in enumerate(file.production_models if file else ()):
        if entry.hydro_id not in ids:
            yield dangling(
                _MODELS,
                f"production_models[{position}].hydro_id",
                None,
                "hydro_id",
                "hydro",
                entry.hydro_id,
                ids,
            )


@rule("HW301", needs=(_MODELS, "stages.json"))
def production_seasons(parts: Parts) -> Iterator[Problem]:
    """Seasonal production models name seasons that some stage or definition has."""
    file = parts.shape(_MODELS)
    definitions = parts.stages_file.season_definitions if parts.stages_file else None
    seasons = (
        {s.id for s in definitions.seasons}
        if definitions
        else {s.season_id for s in parts.stages if s.season_id is not None}
    )
    for position, entry in enumerate(file.production_models if file else ()):
        for inner, season in enumerate(entry.seasons or ()):
            if season.season_id not in seasons:
                message = f"season {season.season_id} does not exist ({known(seasons)})"
                path = f"production_models[{position}].seasons[{inner}].season_id"
                yield Problem(
                    _MODELS, message, path, f"Hydro {entry.hydro_id}", "correct the season id"
                )


@rule("HW302", needs=(_MODELS, "stages.json"))
def production_stages(parts: Parts) -> Iterator[Problem]:
    """Stage ranges of production models start and end at study stages."""
    file = parts.shape(_MODELS)
    for position, entry in enumerate(file.production_models if file else ()):
        for inner, stage_range in enumerate(entry.stage_ranges or ()):
            for name in ("start_stage_id", "end_stage_id"):
                value = getattr(stage_range, name)
                if value is not None and value not in parts.study_ids:
                    message = f"stage {value} is not a study stage ({known(parts.study_ids)})"
                    path = f"production_models[{position}].stage_ranges[{inner}].{name}"
                    yield Problem(
                        _MODELS, message, path, f"Hydro {entry.hydro_id}", "correct the stage id"
                    )


_CORRELATION = "scenarios/correlation.json"

_CLASS_KIND = {"inflow": "hydro", "load": "bus", "ncs": "non_controllable"}


@rule(
    "HW301",
    needs=(
        _CORRELATION,
        "system/hydros.json",
        "system/buses.json",
        "system/non_controllable_sources.json",
    ),
)
def correlated_entities(parts: Parts) -> Iterator[Problem]:
    """Correlation groups name entities that exist."""
    file = parts.shape(_CORRELATION)
    for name, profile in file.profiles.items() if file else ():
        for g, group in enumerate(profile.correlation_groups):
            for e, member in enumerate(group.entities):
                kind = _CLASS_KIND[member.type]
                ids = parts.ids(kind)
                if member.id not in ids:
                    path = f"profiles.{name}.correlation_groups[{g}].entities[{e}].id"
                    yield dangling(_CORRELATION, path, None, "id", kind, member.id, ids)


@rule("HW301", needs=(_CORRELATION, "stages.json"))
def scheduled_profiles(parts: Parts) -> Iterator[Problem]:
    """The schedule of correlations names profiles that exist.

    Several profiles need a default.
    """
    file = parts.shape(_CORRELATION)
    if file is None:
        return
    names = ", ".join(sorted(file.profiles))
    for position, entry in enumerate(file.schedule):
        if entry.profile_name not in file.profiles:
            message = f"the profile '{entry.profile_name}' does not exist (known: {names})"
            yield Problem(
                _CORRELATION,
                message,
                f"schedule[{position}].profile_name",
                None,
                "correct the name",
            )
    scheduled = {entry.stage_id for entry in file.schedule}
    unscheduled = sorted(parts.study_ids - scheduled)
    if len(file.profiles) > 1 and "default" not in file.profiles and unscheduled:
        message = (
            f"stages {unscheduled[:10]} are not scheduled, and none of the profiles {names} is "
            "called 'default'"
        )
        yield Problem(
            _CORRELATION,
            message,
            "profiles",
            None,
            "name one of them 'default', or schedule these stages",
        )


@rule("HW302", needs=(_CORRELATION, "stages.json"))
def scheduled_stages(parts: Parts) -> Iterator[Problem]:
    """The schedule of correlations names study stages, each once."""
    file = parts.shape(_CORRELATION)
    for position, entry in enumerate(file.schedule if file else ()):
        if entry.stage_id not in parts.study_ids:
            message = f"stage {entry.stage_id} is not a study stage ({known(parts.study_ids)})"
            yield Problem(
                _CORRELATION,
                message,
                f"schedule[{position}].stage_id",
                None,
                "correct the stage id",
            )


_CONSTRAINTS = "constraints/generic_constraints.json"


@rule("HW301", needs=(_CONSTRAINTS, *(part.file.name for part in EQUIPMENT if part.quantities)))
def constraint_entities(parts: Parts) -> Iterator[Problem]:
    """Terms of generic constraints name entities that exist, whatever their coefficient."""
    for position, constraint in enumerate(parts.entities("user_constraint")):
        for term in parse_expression(constraint.expression).terms:
            kind = EQUIPMENT.quantities[term.quantity][0].name
            ids = parts.ids(kind)
            if term.entity_id not in ids:
                who, field = f"Constraint {constraint.id}", f"{term.quantity}({term.entity_id})"
                path = f"constraints[{position}].expression"
                yield dangling(_CONSTRAINTS, path, who, field, kind, term.entity_id, ids)


@rule("HW301", needs=(_CONSTRAINTS, "constraints/generic_constraint_bounds.parquet", "stages.json"))
def constraint_blocks(parts: Parts) -> Iterator[Problem]:
    """Blocks named in an expression exist at every stage where the constraint holds."""
    bounds = parts.table("constraints/generic_constraint_bounds.parquet")
    for position, constraint in enumerate(parts.entities("user_constraint")):
        stages = (
            bounds.filter(bounds.get_column("constraint_id") == constraint.id)
            .get_column("stage_id")
            .unique()
            .sort()
        )
        for term in parse_expression(constraint.expression).terms:
            missing = [
                s
                for s in stages.to_list()
                if term.block_id is not None and term.block_id >= parts.n_blocks.get(s, 2**31)
            ]
            if missing:
                message = (
                    f"the expression names block {term.block_id}, which "
                    f"stages {missing[:10]} do not have"
                )
                path = f"constraints[{position}].expression"
                yield Problem(
                    _CONSTRAINTS,
                    message,
                    path,
                    f"Constraint {constraint.id}",
                    "correct the block or the stages",
                )


@rule("HW302", needs=("stages.json",))
def transition_stages(parts: Parts) -> Iterator[Problem]:
    """Transitions lead from study stage to study stage."""
    graph = parts.stages_file.policy_graph if parts.stages_file else None
    for position, transition in enumerate(graph.transitions if graph else ()):
        for name in ("source_id", "target_id"):
            value = getattr(transition, name)
            if value not in parts.study_ids:
                message = f"stage {value} is not a study stage ({known(parts.study_ids)})"
                yield Problem(
                    "stages.json",
                    message,
                    f"policy_graph.transitions[{position}].{name}",
                    None,
                    "correct the stage id",
                )


@rule("HW302", needs=("stages.json",))
def stages_of_regimes(parts: Parts) -> Iterator[Problem]:
    """Matrices of regimes belong to study stages."""
    graph = parts.stages_file.policy_graph if parts.stages_file else None
    chain = graph.regimes if graph else None
    for position, one in enumerate(chain.matrices if chain else ()):
        if one.stage_id not in parts.study_ids:
            yield Problem(
                "stages.json",
                f"stage {one.stage_id} is not a study stage ({known(parts.study_ids)})",
                f"policy_graph.regimes.matrices[{position}].stage_id",
                None,
                "correct the stage id",
            )


@rule("HW304", needs=("stages.json",))
def stage_seasons(parts: Parts) -> Iterator[Problem]:
    """Stages name seasons that are defined, where seasons are defined."""
    file = parts.stages_file
    if file is None or file.season_definitions is None:
        return
    seasons = {season.id for season in file.season_definitions.seasons}
    named = [
        ("stages", position, stage.id, stage.season_id)
        for position, stage in enumerate(file.stages)
    ]
    named += [
        ("pre_study_stages", position, stage.id, stage.season_id)
        for position, stage in enumerate(file.pre_study_stages)
    ]
    for key, position, stage_id, season_id in named:
        if season_id is not None and season_id not in seasons:
            message = f"season {season_id} is not defined ({known(seasons)})"
            yield Problem(
                "stages.json",
                message,
                f"{key}[{position}].season_id",
                f"Stage {stage_id}",
                "define the season",
            )
