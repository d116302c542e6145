"""PyPSA networks: a study out of a network, its future cost in ``n.optimize``, water values back.

    case = hw.pypsa.from_network(n, inflow=years)
    policy = hw.train(case)
    n.optimize(
        january, extra_functionality=lambda n, sns: hw.pypsa.add_future_cost(n, policy, "2027-01")
    )
    hw.pypsa.water_values(n, policy)

PyPSA itself is not imported here: networks and models come from the caller.
``pip install 'headwater[pypsa]'`` brings it.
"""

from headwater.pypsa.future_cost import add_future_cost, water_values
from headwater.pypsa.translation import TranslationWarning, from_network

__all__ = ["TranslationWarning", "add_future_cost", "from_network", "water_values"]
