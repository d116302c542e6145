"""Choices of the algorithm in the files.

Their schemas are made from their fields, also for choices of other packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    create_model,
    model_validator,
)

from headwater.case import schema_config, schema_sources, schema_stages
from headwater.case.derived import DerivedShape, made_from, schema_of
from headwater.case.shapes import Shape, ShapeT, complaint
from headwater.choices.risk.blend import Blend
from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import (
    CUT_SELECTIONS,
    FORWARD_PASSES,
    RISK_MEASURES,
    SAMPLING_SCHEMES,
    STOPPING_RULES,
    RiskMeasure,
)
from headwater.core.fields import fields_of
from headwater.core.provenance import is_own
from headwater.core.registry import Registry
from headwater.errors import ModelError

_Fields = dict[str, Any]

_CVAR = "with cvar"
"""Names the form of CVaR; no word alone, which in places of findings would be taken for a key."""


def with_choices(name: str, shape: type[Shape]) -> type[Shape]:
    """The schema of a JSON file together with the choices that other packages offer for it."""
    if name == "stages.json":
        return _stages(tuple(one for one in RISK_MEASURES if one is not MixedCVaR))
    if name == "config.json":
        # those of the project that have no parameters are words of the schema already
        schemes = tuple(one for one in SAMPLING_SCHEMES if fields_of(one) or not is_own(one))
        others = (_foreign(registry) for registry in (CUT_SELECTIONS, FORWARD_PASSES))
        return _config(_foreign(STOPPING_RULES), schemes, *others)
    return shape


def _foreign(registry: Registry[Any]) -> tuple[Any, ...]:
    return tuple(choice for choice in registry if not is_own(choice))


@cache
def checked_schema(choice: Any) -> type[DerivedShape]:
    """The schema of a choice of another package.

    Its class is asked as well whether the values are allowed.
    """
    made: type[DerivedShape] = _shape(
        choice.__name__,
        schema_of(choice),
        {},
        {"can_be_made": model_validator(mode="after")(_can_be_made)},
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
    forms: list[Any] = [Annotated[schema_stages.RiskShape, Tag(_CVAR)]]
    plain = [measure for measure in measures if measure is not Blend]
    forms += [Annotated[checked_schema(measure), Tag(measure.type)] for measure in plain]
    types = tuple(measure.type for measure in measures)
    blended: Any = Annotated[
        Annotated[_union(forms), Discriminator(_type_of_risk)] | None,
        BeforeValidator(schema_stages.read_risk(tuple(measure.type for measure in plain))),
        AfterValidator(risk_measure),
    ]
    blend = _shape("Blend", checked_schema(Blend), {"measures": (list[blended], ...)})
    forms.append(Annotated[blend, Tag(Blend.type)])
    form: Any = Annotated[_union(forms), Discriminator(_type_of_risk)]
    reader = BeforeValidator(
        schema_stages.read_risk(types),
        json_schema_input_type=form | Literal["expectation"] | None,
    )
    risk: Any = Annotated[form | None, reader]
    stage: Any = _shape("StageShape", schema_stages.StageShape, {"risk_measure": (risk, None)})
    stages: Any = Annotated[list[stage], Field(min_length=1)]
    return _shape("StagesFile", schema_stages.StagesFile, {"stages": (stages, ...)})


def risk_measure(given: Any) -> RiskMeasure:
    """The risk measure of a stage.

    A confidence level becomes the size of the tail, without binary rounding.
    """
    if given is None:
        return MixedCVaR()
    if not isinstance(given, schema_stages.RiskShape):  # made already
        made: RiskMeasure = given
        return made
    cvar = given.cvar
    tail = cvar.tail_fraction
    if tail is None:
        tail = float(1 - Decimal(repr(cvar.alpha)))
    return MixedCVaR(weight=cvar.weight, tail_fraction=tail)


def _type_of_risk(value: Any) -> str:
    """Which form a risk measure has: the one of CVaR is told by its key, others have a type."""
    given = value.get("type", _CVAR) if isinstance(value, dict) else getattr(value, "type", _CVAR)
    return str(given)


@cache
def _config(
    rules: tuple[Any, ...],
    schemes: tuple[Any, ...],
    methods: tuple[Any, ...],
    passes: tuple[Any, ...],
) -> type[Shape]:
    if not (rules or schemes or methods or passes):
        return schema_config.ConfigFile
    training: _Fields = {}
    if rules:
        forms = [schema_of(rule) for rule in STOPPING_RULES if is_own(rule)]
        forms += [checked_schema(rule) for rule in rules]
        of_rules: Any = Annotated[_union(forms), Field(discriminator="type")]
        listed: Any = Annotated[list[of_rules], BeforeValidator(schema_config.has_iteration_limit)]
        training["stopping_rules"] = (listed, ...)
    if methods:
        method = (
            _word_or_object([one.type for one in CUT_SELECTIONS if is_own(one)], methods) | None
        )
        selection = _shape(
            "CutSelectionShape", schema_config.CutSelectionShape, {"method": (method, None)}
        )
        training["cut_selection"] = (selection, selection())
    if passes:
        own_pass = schema_of(schema_config.ForwardPassInFile)
        made_by: list[Any] = [Annotated[own_pass, Tag("default")]]
        made_by += [Annotated[checked_schema(one), Tag(one.type)] for one in passes]
        training["forward_pass"] = (
            Annotated[_union(made_by), Discriminator(_type_of_pass)],
            own_pass(),
        )
    file: _Fields = {}
    if schemes:
        source = _source(schema_sources.TrainingScenarioSourceShape, schemes)
        training["scenario_source"] = (source, source())
        simulated: Any = _source(schema_sources.ScenarioSourceShape, schemes) | None
        simulation = _shape(
            "SimulationShape", schema_config.SimulationShape, {"scenario_source": (simulated, None)}
        )
        file["simulation"] = (simulation, simulation())
    file["training"] = (_shape("TrainingShape", schema_config.TrainingShape, training), ...)
    return _shape("ConfigFile", schema_config.ConfigFile, file)


def _source(base: type[Shape], schemes: tuple[Any, ...]) -> Any:
    """A section ``scenario_source`` whose classes may name schemes of other packages."""
    classes: _Fields = {}
    for name in ("inflow", "load", "ncs"):
        held: Any = base.model_fields[name].annotation
        suited = [scheme for scheme in schemes if name in scheme.classes]
        scheme = _word_or_object(get_args(held.model_fields["scheme"].annotation), suited)
        own = _shape(held.__name__, held, {"scheme": (scheme, "in_sample")})
        classes[name] = (own, own())
    return _shape(base.__name__, base, classes)


def _word_or_object(own: Iterable[str], others: Iterable[Any]) -> Any:
    """A choice that is a word, or an object with its type and parameters."""
    words = [*own, *(one.type for one in others if _is_word(one))]
    forms = [Annotated[Literal[tuple(words)], Tag("word")]]
    forms += [Annotated[checked_schema(one), Tag(one.type)] for one in others]
    return Annotated[_union(forms), Discriminator(_form_of_choice)]


def _is_word(choice: Any) -> bool:
    """Whether a choice can be made without parameters."""
    return not any(spec.required for spec in fields_of(choice))


def _form_of_choice(value: Any) -> str:
    given = value.get("type", "") if isinstance(value, dict) else getattr(value, "type", "word")
    return str(given)


def _type_of_pass(value: Any) -> str:
    given = (
        value.get("type", "default")
        if isinstance(value, dict)
        else getattr(value, "type", "default")
    )
    return str(given)


def _union(forms: Iterable[Any]) -> Any:
    return Union[tuple(forms)]  # noqa: UP007


def _shape(
    name: str, base: type[ShapeT], fields: _Fields, validators: _Fields | None = None
) -> type[ShapeT]:
    """A schema with some fields in place of those of another, whose descriptions they keep."""
    make: Any = create_model
    meanings = {key: field.description for key, field in base.model_fields.items()}
    fields = {
        key: (kind, Field(default, description=meanings.get(key)))
        for key, (kind, default) in fields.items()
    }
    made: type[ShapeT] = make(name, __base__=base, __validators__=validators or {}, **fields)
    return made
