"""Choices of the algorithm as a policy records them.

Those of another package stand with its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RISK_MEASURES, RiskMeasure
from headwater.core.provenance import origin
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
    parameters = {field.name: getattr(choice, field.name) for field in dataclasses.fields(choice)}
    return {"type": choice.type, "package": origin(kind), "parameters": parameters}


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
            f"HW810 {what}, which is not here: install the package, or add the class to its registry before the policy is read"
        )
    try:
        return registry[name](**entry["parameters"])
    except (TypeError, ModelError) as error:
        raise PolicyError(
            f"HW810 {what}, and the one that is here takes other parameters ({error})"
        ) from error
