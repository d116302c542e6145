"""Choices of the algorithm as a policy records them.

Those of another package stand with its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RISK_MEASURES, RiskMeasure
from headwater.core.provenance import is_choice, origin
from headwater.core.registry import Registry
from headwater.errors import ModelError, PolicyError


def record_of_risk(measure: RiskMeasure) -> dict[str, Any]:
    """The keys in which a policy records a risk measure."""
    if isinstance(measure, MixedCVaR):  # recorded so since before there were others
        return {"lambda": measure.weight, "tail_fraction": measure.tail_fraction}
    return {"risk": record(measure)}


def recorded_risk(keys: Mapping[str, Any]) -> RiskMeasure:
    """The risk measure that some keys record.

    Raises:
        PolicyError: it is of a package that is not installed here.
    """
    if "risk" not in keys:
        return MixedCVaR(weight=keys["lambda"], tail_fraction=keys["tail_fraction"])
    measure: RiskMeasure = recorded(keys["risk"], RISK_MEASURES)
    return measure


def record(choice: Any) -> dict[str, Any]:
    """Name, parameters and package of a choice."""
    kind: Any = type(choice)
    parameters = {
        field.name: _recorded_value(getattr(choice, field.name))
        for field in dataclasses.fields(choice)
    }
    return {"type": choice.type, "package": origin(kind), "parameters": parameters}


def _recorded_value(value: Any) -> Any:
    """A parameter; choices among parameters are recorded as choices are."""
    if is_choice(value):
        return record(value)
    return [_recorded_value(item) for item in value] if isinstance(value, tuple) else value


def recorded(entry: Mapping[str, Any], registry: Registry[Any]) -> Any:
    """The choice that an entry records.

    Raises:
        PolicyError: it is of a package that is not installed here, or of one that has changed
            since.
    """
    name, package = entry["type"], entry["package"] or "headwater"
    what = f"the policy was trained with {name!r} of {package} (one of the {registry.group})"
    if name not in registry:
        raise PolicyError(
            f"HW810 {what}, which is not here: install the package, or add the class to its "
            "registry before the policy is read"
            + (f" ({registry.broken[name]})" if name in registry.broken else "")
        )
    try:
        parameters = {key: _value(one, registry) for key, one in entry["parameters"].items()}
        return registry[name](**parameters)
    except (TypeError, ModelError) as error:
        raise PolicyError(
            f"HW810 {what}, and the one that is here takes other parameters ({error})"
        ) from error


def _value(given: Any, registry: Registry[Any]) -> Any:
    """A parameter that was recorded."""
    if isinstance(given, list):
        return tuple(_value(item, registry) for item in given)
    is_record = isinstance(given, dict) and given.keys() == {"type", "package", "parameters"}
    return recorded(given, registry) if is_record else given
