"""Choices say what they are called and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RISK_MEASURES
from headwater.core.provenance import digest_text, origin, origins
from headwater.errors import UsageError


@dataclass(frozen=True)
class Thing:
    size: float = 2.0
    type: ClassVar[str] = "thing"


def test_the_project_finds_its_own_in_their_folder():
    assert RISK_MEASURES["cvar"] is MixedCVaR
    assert origin(MixedCVaR) == ""


def test_a_class_whose_values_may_change_is_refused():
    @dataclass
    class Loose:
        type: ClassVar[str] = "loose"

    with pytest.raises(UsageError, match="must be a frozen dataclass"):
        RISK_MEASURES.add(Loose)  # type: ignore[arg-type]


def test_digests_of_the_projects_own_measure_are_those_of_stored_policies():
    assert digest_text(MixedCVaR(0.5, 0.25)) == "RiskMeasure(weight=0.5, tail_fraction=0.25)"


def test_digests_of_others_name_their_origin():
    assert digest_text(Thing()).startswith("Thing of ")
    assert digest_text(Thing()).endswith("(size=2.0)")


def test_the_packages_of_others_are_found_wherever_they_stand():
    assert origins((MixedCVaR(), [Thing(1.0)], Thing())) == [origin(Thing)]
