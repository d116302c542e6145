"""A study: a power system and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.core.shown import Shown
from headwater.model.changes import Changes
from headwater.model.policy_config import PolicyMode
from headwater.model.study_config import CutFormulation, StudyConfig
from headwater.model.system import System
from headwater.model.uncertainty import NoiseClass


@dataclass(frozen=True)
class Study(Shown, Changes):
    """A system and what to do with it: all that training and simulation need.

    Attributes:
        system: the power system and its horizon.
        config: how to train and simulate.
        name: shown to people; for a case on disk, the name of its directory.

    Examples:
        >>> study = hw.Study(system, hw.StudyConfig())
        >>> hw.train(study)
    """

    system: System
    config: StudyConfig
    name: str = ""

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        training, simulation = self.config.training, self.config.simulation
        simulated = f"{simulation.n_scenarios} scenarios" if simulation.enabled else "none"
        iterations = (
            f"at most {training.max_iterations} iterations of "
            f"{training.forward_passes} forward passes"
        )
        return [*self.system.facts(), ("training", iterations), ("simulation", simulated)]

    def __repr__(self) -> str:
        return f"<Study {self.name or 'unnamed'}: {self.system!r}>"

    def in_regime(self, name: str) -> Study:
        """The study as it is while a regime lasts, as if there were no other.

        Args:
            name: of the regime.

        Raises:
            UsageError: there is no such regime.

        Examples:
            >>> case.in_regime("dry")
        """
        return Study(self.system.in_regime(name), self.config, self.name)

    @property
    def is_risk_neutral(self) -> bool:
        """Whether every stage takes the expectation."""
        return all(stage.risk.neutral for stage in self.system.stages)

    @property
    def draws_openings(self) -> bool:
        """Whether forward passes draw all their noise from the opening tree."""
        source, given = self.config.training.scenario_source, self.system.given_openings is not None
        return all(source.draws_openings(kind, tree_is_given=given) for kind in NoiseClass)


def excluded_by_regimes(study: Study) -> list[str]:
    """Settings of a study with regimes that cannot stand beside them, by their path in files."""
    if study.system.policy_graph.regimes is None:
        return []
    config = study.config
    sources = (config.training.scenario_source, config.simulated_source)
    used = {
        "training.cut_formulation": config.training.cut_formulation is CutFormulation.MULTI,
        "upper_bound_evaluation": config.upper_bound.enabled,
        "policy.mode": config.policy.mode is PolicyMode.WARM_START,
        "scenario_source": any(source.inflow.replays_history for source in sources),
    }
    return [path for path, is_used in used.items() if is_used]


def why_rules_are_refused(study: Study) -> str | None:
    """Why a stopping rule of a study compares what cannot be compared.

    ``None`` where all are sound.
    """
    reasons = (rule.refuse(study) for rule in study.config.training.stopping_rules)
    return next((reason for reason in reasons if reason is not None), None)
