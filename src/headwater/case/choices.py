"""Choices of the algorithm in the files: their schemas, made from their fields, also those of other packages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Discriminator, Field, Tag, create_model, model_validator

from headwater.case import schema_config, schema_stages
from headwater.case.derived import DerivedShape, made_from, schema_of
from headwater.case.shapes import Shape, ShapeT, complaint
from headwater.core.choices import RISK_MEASURES, STOPPING_RULES
from headwater.core.provenance import is_own
from headwater.core.registry import Registry
from headwater.errors import ModelError

_Fields = dict[str, Any]


def with_choices(name: str, shape: type[Shape]) -> type[Shape]:
    """The schema of a JSON file together with the choices that other packages offer for it."""
    if name == "stages.json":
        return _stages(_foreign(RISK_MEASURES))
    if name == "config.json":
        return _config(_foreign(STOPPING_RULES))
    return shape


def _foreign(registry: Registry[Any]) -> tuple[Any, ...]:
    return tuple(choice for choice in registry if not is_own(choice))


@cache
def checked_schema(choice: Any) -> type[DerivedShape]:
    """The schema of a choice of another package, whose class is asked as well whether it may be so."""
    made: type[DerivedShape] = _shape(
        choice.__name__, schema_of(choice), {}, {"can_be_made": model_validator(mode="after")(_can_be_made)}
    )
    return made


def _can_be_made(given: DerivedShape) -> DerivedShape:
    try:
        made_from(given)
    except (ModelError, ValueError) as error:
        assert given.declares is not None
        fix = f"see the documentation of '{getattr(given.declares, 'type', '')}'"
        raise complaint("HW205", f"these parameters do not go together: {error}", fix) from None
    return given


@cache
def _stages(measures: tuple[Any, ...]) -> type[Shape]:
    if not measures:
        return schema_stages.StagesFile
    forms: list[Any] = [Annotated[schema_stages.RiskShape, Tag("cvar")]]
    forms += [Annotated[checked_schema(measure), Tag(measure.type)] for measure in measures]
    form: Any = Annotated[_union(forms), Discriminator(_type_of_risk)]
    reader = BeforeValidator(
        schema_stages.read_risk(tuple(measure.type for measure in measures)),
        json_schema_input_type=form | Literal["expectation"] | None,
    )
    risk: Any = Annotated[form | None, reader]
    stage: Any = _shape("StageShape", schema_stages.StageShape, {"risk_measure": (risk, None)})
    stages: Any = Annotated[list[stage], Field(min_length=1)]
    return _shape("StagesFile", schema_stages.StagesFile, {"stages": (stages, ...)})


def _type_of_risk(value: Any) -> str:
    """Which form a risk measure has: the one of CVaR is told by its key, others have a type."""
    given = value.get("type", "cvar") if isinstance(value, dict) else getattr(value, "type", "cvar")
    return str(given)


@cache
def _config(rules: tuple[Any, ...]) -> type[Shape]:
    if not rules:
        return schema_config.ConfigFile
    forms = [schema_of(rule) for rule in STOPPING_RULES if is_own(rule)]
    forms += [checked_schema(rule) for rule in rules]
    of_rules: Any = Annotated[_union(forms), Field(discriminator="type")]
    listed: Any = Annotated[list[of_rules], BeforeValidator(schema_config.has_iteration_limit)]
    training: Any = _shape("TrainingShape", schema_config.TrainingShape, {"stopping_rules": (listed, ...)})
    return _shape("ConfigFile", schema_config.ConfigFile, {"training": (training, ...)})


def _union(forms: Iterable[Any]) -> Any:
    return Union[tuple(forms)]  # noqa: UP007


def _shape(name: str, base: type[ShapeT], fields: _Fields, validators: _Fields | None = None) -> type[ShapeT]:
    make: Any = create_model
    meanings = {key: field.description for key, field in base.model_fields.items()}
    fields = {key: (kind, Field(default, description=meanings.get(key))) for key, (kind, default) in fields.items()}
    made: type[ShapeT] = make(name, __base__=base, __validators__=validators or {}, **fields)
    return made
