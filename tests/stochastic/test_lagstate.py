from __future__ import annotations

import numpy as np

from headwater.stochastic import shift_lags


def test_the_new_inflow_becomes_lag_one_and_the_oldest_lag_is_forgotten():
    lags = np.array([[[50.0, 30.0], [45.0, 28.0]]])
    shifted = shift_lags(lags, np.array([[60.0, 35.0]]))
    np.testing.assert_array_equal(shifted, [[[60.0, 35.0], [50.0, 30.0]]])


def test_scenarios_shift_independently_and_the_incoming_lags_are_kept():
    lags = np.arange(12.0).reshape(2, 3, 2)
    before = lags.copy()
    inflow = np.array([[100.0, 101.0], [102.0, 103.0]])
    shifted = shift_lags(lags, inflow)
    np.testing.assert_array_equal(shifted[:, 0], inflow)
    np.testing.assert_array_equal(shifted[:, 1:], lags[:, :2])
    np.testing.assert_array_equal(lags, before)


def test_without_lags_there_is_nothing_to_shift():
    assert shift_lags(np.empty((4, 0, 3)), np.ones((4, 3))).shape == (4, 0, 3)
