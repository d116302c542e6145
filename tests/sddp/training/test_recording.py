"""What is written down of an iteration."""

from __future__ import annotations

import numpy as np
import pytest

from headwater.sddp.training.recording import mean_and_deviation


def test_the_deviation_of_costs_keeps_its_bits_in_another_unit_of_money():
    random = np.random.default_rng(7)
    for n in random.integers(2, 9, size=2000):
        totals = random.lognormal(15.0, 2.0, size=n)
        mean, one = mean_and_deviation(totals)
        assert mean == pytest.approx(np.mean(totals), rel=1e-12)
        assert one == pytest.approx(np.std(totals, ddof=1), rel=1e-12)
        assert [mean_and_deviation(totals * 2.0**k)[1] / 2.0**k for k in (-20, 4, 9)] == [one] * 3
