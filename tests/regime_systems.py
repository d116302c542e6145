"""Studies with regimes, made of studies without."""

from __future__ import annotations

from dataclasses import replace

from headwater import model as m

CHAIN = m.RegimeChain(("dry", "wet"), (0.3, 0.7), ((0.8, 0.2), (0.25, 0.75)))


def in_two_regimes(study: m.Study, chain: m.RegimeChain = CHAIN) -> m.Study:
    """A study whose loads are a tenth higher in the first regime, and its inflows a fifth higher in
    the second.
    """
    system = study.system
    loads = tuple(replace(row, mean_mw=1.1 * row.mean_mw) for row in system.load_statistics)
    wet = tuple(replace(row, mean_m3s=1.2 * row.mean_m3s) for row in system.inflow_statistics)
    graph = replace(system.policy_graph, regimes=chain)
    changes = ({"load_statistics": loads}, {"inflow_statistics": wet})
    return replace(study, system=replace(system, policy_graph=graph, regime_changes=changes))
