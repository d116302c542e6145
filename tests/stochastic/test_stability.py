from __future__ import annotations

import numpy as np
import pytest

from headwater.stochastic.stability import monodromy_radius


def test_the_radius_of_first_order_seasons_is_the_product_of_their_coefficients():
    assert monodromy_radius([(0.4,), (0.6,)]) == pytest.approx(0.24)
    assert monodromy_radius([(0.8,), (0.3,)]) == pytest.approx(0.24)
    assert monodromy_radius([(1.2,), (0.5,), ()]) == 0.0


def test_a_season_with_roots_outside_does_not_make_a_year_unstable():
    assert monodromy_radius([(1.5,), (0.5,)]) == pytest.approx(0.75)


def test_the_radius_is_the_growth_of_a_deviation_over_many_years():
    rng = np.random.default_rng(4)
    psi = [tuple(rng.uniform(-0.4, 0.8, size=3)) for _ in range(4)]
    z = list(rng.normal(size=3))
    for t in range(4 * 200):
        z.append(sum(c * z[-lag] for lag, c in enumerate(psi[t % 4], 1)))
        if (t + 1) % 40 == 0 and t < 760:
            scale = max(abs(v) for v in z[-3:])
            z = [v / scale for v in z[-3:]]
    a = np.array(z)
    year_before, last_year = np.abs(a[-8:-4]).max(), np.abs(a[-4:]).max()
    assert last_year / year_before == pytest.approx(monodromy_radius(psi), rel=1e-6)


def test_no_coefficients_are_stable():
    assert monodromy_radius([(), ()]) == 0.0
