"""Choices of other packages in the files: their schemas, made from their fields, and what is built from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, Discriminator, Field, Tag, create_model, model_validator

from headwater.case import schema_stages
from headwater.case.shapes import Shape, ShapeT, complaint
from headwater.core.choices import RISK_MEASURES, RiskMeasure
from headwater.core.provenance import is_own
from headwater.errors import ModelError


class ChoiceShape(Shape):
    """Parameters of a choice of another package."""

    choice: ClassVar[type[Any]]

    def build(self) -> Any:
        """The choice."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self.choice)}
        return self.choice(**given)

    @model_validator(mode="after")
    def _can_be_built(self) -> ChoiceShape:
        try:
            self.build()
        except (ModelError, ValueError) as error:
            fix = f"see the documentation of '{self.choice.type}'"
            raise complaint("HW205", f"these parameters do not go together: {error}", fix) from None
        return self


@lru_cache
def parameters_shape(choice: Any, *, tagged: bool) -> type[ChoiceShape]:
    """The schema of the parameters of a choice.

    Args:
        choice: a frozen dataclass whose fields are annotated with their range and meaning, as in
            ``Annotated[float, Gt(0), "aversion to risk, per $"]``.
        tagged: whether ``type`` stands among the parameters.
    """
    hints = get_type_hints(choice, include_extras=True)
    fields: dict[str, Any] = {"type": (Literal[choice.type], ...)} if tagged else {}
    for field in dataclasses.fields(choice):
        hint = hints[field.name]
        said = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        meaning = next((one for one in said if isinstance(one, str)), "")
        default = ... if field.default is dataclasses.MISSING else field.default
        fields[field.name] = (hint, Field(default, description=meaning))
    made = _shape(f"{choice.__name__}Shape", ChoiceShape, fields)
    made.choice = choice
    return made


def risk_of_others(shape: Shape) -> RiskMeasure:
    """The risk measure of another package that an object with its name as the only key stands for."""
    (name,) = type(shape).model_fields
    built: RiskMeasure = getattr(shape, name).build()
    return built


def with_choices(name: str, shape: type[Shape]) -> type[Shape]:
    """The schema of a JSON file together with the choices that other packages offer for it."""
    extend = _EXTENDED.get(name)
    return shape if extend is None else extend()


def _stages() -> type[Shape]:
    return _stages_with(tuple(measure for measure in RISK_MEASURES if not is_own(measure)))


@lru_cache
def _stages_with(measures: tuple[Any, ...]) -> type[Shape]:
    if not measures:
        return schema_stages.StagesFile
    forms: list[Any] = [Annotated[schema_stages.RiskShape, Tag("risk measure cvar")]]
    for measure in measures:
        parameters = (parameters_shape(measure, tagged=False), Field(description=_summary(measure)))
        form = _shape(f"{measure.__name__}RiskShape", Shape, {measure.type: parameters})
        forms.append(Annotated[form, Tag(f"risk measure {measure.type}")])
    types = tuple(measure.type for measure in measures)
    form_of_risk: Any = Annotated[Union[tuple(forms)], Discriminator(_tag_of_risk(types))]  # noqa: UP007
    reader = BeforeValidator(
        schema_stages.read_risk(("cvar", *types)),
        json_schema_input_type=form_of_risk | Literal["expectation"] | None,
    )
    risk: Any = Annotated[form_of_risk | None, reader]
    stage: Any = _shape("StageShape", schema_stages.StageShape, {"risk_measure": (risk, None)})
    stages: Any = Annotated[list[stage], Field(min_length=1)]
    return _shape("StagesFile", schema_stages.StagesFile, {"stages": (stages, ...)})


def _shape(name: str, base: type[ShapeT], fields: dict[str, Any]) -> type[ShapeT]:
    make: Any = create_model
    made: type[ShapeT] = make(name, __base__=base, **fields)
    return made


def _tag_of_risk(types: tuple[str, ...]) -> Callable[[Any], str]:
    def tag(value: Any) -> str:
        keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Shape) else ()
        return f"risk measure {next((one for one in types if one in keys), 'cvar')}"

    return tag


def _summary(choice: type[Any]) -> str:
    """First line of what a class says of itself."""
    return (choice.__doc__ or "").strip().partition("\n")[0]


_EXTENDED: dict[str, Callable[[], type[Shape]]] = {"stages.json": _stages}
