"""Lognormal noise of inflow models: inflows that do not turn negative.

For noise ``eta`` of mean 0 and deviation 1 the factor ``f = exp(k eta - k^2 / 2)`` is lognormal
with mean 1. It enters in one of two ways::

    multiplicative    z = f (b + sum_l psi_l a_l)     k^2 = ln(1 + (sigma / mu)^2)
    three parameters  z = f b + sum_l psi_l a_l       k^2 = ln(1 + (sigma / b)^2)

Both have the mean and, at the mean of the past, the deviation of the model with normal noise
``z = b + sum_l psi_l a_l + sigma eta``. The third parameter of the second is its least value, the
lag term. Given the noise, either is linear in the past.

Source of the first: A. Shapiro, W. Tekaya, J. P. da Costa and M. P. Soares, Risk neutral and risk
averse Stochastic Dual Dynamic Programming method, European Journal of Operational Research 224
(2013), 375-391.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headwater.arrays import Array, Mask
from headwater.core.wording import listed
from headwater.errors import ModelError
from headwater.model import InflowNoise, System
from headwater.stochastic.cycle_fit import CycleFit, unit_coefficients


@dataclass(frozen=True, eq=False)
class LognormalNoise:
    """Which noise is lognormal, and how it enters.

    Attributes:
        spread: ``[stage, hydro]`` deviation ``k`` of the logarithm; ``nan`` where the noise is
            normal.
        multiplies: ``[stage, hydro]`` whether it multiplies the lag term, too.
    """

    spread: Array
    multiplies: Mask

    def innovation_m3s(self, t: int, eta: Array, base: Array, normal: Array) -> Array:
        """Inflow for lags of zero, ``[scenario, hydro]``; ``normal`` where the noise is that."""
        return np.where(np.isnan(self.spread[t]), normal, base * self._factor(t, eta))

    def lag_factor(self, t: int, eta: Array) -> Array:
        """What the lag term is multiplied by, ``[scenario, hydro]``.

        ``[scenario, 0]`` where nothing is.
        """
        if not self.multiplies[t].any():
            return np.empty((len(eta), 0))
        return np.where(self.multiplies[t], self._factor(t, eta), 1.0)

    def noise_of(self, t: int, inflow: Array, past: Array, base: Array, normal: Array) -> Array:
        """Noise under which an inflow follows a lag term, ``[scenario, hydro]``.

        ``normal`` where the noise is that, ``nan`` where no noise does.
        """
        spread = self.spread[t]
        level = np.where(self.multiplies[t], base + past, base)
        above = np.where(self.multiplies[t], inflow, inflow - past)
        possible = (level > 0.0) & (above > 0.0) & (spread > 0.0)
        logarithm = np.log(np.where(possible, above, 1.0) / np.where(possible, level, 1.0))
        eta = logarithm / np.where(spread > 0.0, spread, 1.0) + spread / 2.0
        found = np.where(possible, eta, np.nan)
        return np.where(np.isnan(spread) | (spread == 0.0), normal, found)

    def without(self, at: Mask) -> LognormalNoise:
        """The same with the noise of some stages taken as it is, ``at[stage]``."""
        spread, multiplies = self.spread.copy(), self.multiplies.copy()
        spread[at], multiplies[at] = np.nan, False
        return replace(self, spread=spread, multiplies=multiplies)

    def _factor(self, t: int, eta: Array) -> Array:
        spread = np.nan_to_num(self.spread[t])
        factor: Array = np.exp(spread * eta - spread * spread / 2.0)
        return factor


def lognormal_noise(
    system: System,
    noise: InflowNoise,
    model: tuple[Array, Array, Array],
    warnings: list[str],
) -> LognormalNoise | None:
    """The noise of an inflow model; ``None`` where it is normal.

    With three parameters the noise multiplies the whole inflow where the base is not positive.

    Args:
        system: for messages.
        noise: which.
        model: mean, base and deviation of the noise, each ``[stage, hydro]`` in m3/s.
        warnings: gets a sentence for plants to which that happens.

    Raises:
        ModelError: an inflow with noise has a mean that is not positive.
    """
    if noise is InflowNoise.NORMAL:
        return None
    means, base, sigma = model
    multiplies = np.full(base.shape, noise is InflowNoise.MULTIPLICATIVE)
    if noise is InflowNoise.THREE_PARAMETER:
        multiplies = (base <= 0.0) & (sigma > 0.0)
        for h in np.flatnonzero(multiplies.any(axis=0)):
            ids = [system.stages[t].id for t in np.flatnonzero(multiplies[:, h])]
            warnings.append(
                f"hydro {system.hydros[h].id}: past inflows explain more than the mean at stage(s) "
                f"{listed(ids)}, so that the noise multiplies the whole inflow there"
            )
    level = np.where(multiplies, means, base)
    wrong = np.argwhere((sigma > 0.0) & (level <= 0.0))
    if len(wrong):
        t, h = wrong[0]
        raise ModelError(
            f"hydro {system.hydros[h].id} at stage {system.stages[t].id}: lognormal noise needs a "
            f"mean inflow above 0, got {means[t, h]:g} m3/s; take stochastic.inflow_noise 'normal'"
        )
    noisy = sigma > 0.0
    ratio = np.where(noisy, sigma / np.where(noisy, level, 1.0), 0.0)
    return LognormalNoise(np.sqrt(np.log1p(ratio * ratio)), multiplies & noisy)


def log_residuals(fit: CycleFit, noise: InflowNoise) -> Array:
    """Residuals of a fitted model on the scale of its noise, ``[hydro, year, season]``.

    Logarithms of what the observed inflow is to what its equation says; ``nan`` where there is
    none. They correlate as the noise does.

    Args:
        fit: a fitted model.
        noise: its noise, which is lognormal.
    """
    values, statistics = fit.history.values_m3s, fit.statistics
    surplus = fit.residuals * statistics.std_m3s[:, None, :]
    expected = values - surplus
    if noise is InflowNoise.THREE_PARAMETER:
        base = _bases(fit)[:, None, :]
        expected = np.where(base > 0.0, base, expected)
    share = np.where(expected > 0.0, surplus / np.where(expected > 0.0, expected, 1.0), np.nan)
    known = share > -1.0
    return np.where(known, np.log1p(np.where(known, share, 0.0)), np.nan)


def _bases(fit: CycleFit) -> Array:
    """Inflow that the equations give for lags of zero, ``[hydro, season]`` in m3/s."""
    means, n = fit.statistics.mean_m3s, fit.history.n_seasons
    bases = means.copy()
    for h in range(len(means)):
        for m, weights in enumerate(unit_coefficients(fit, h)):
            bases[h, m] -= sum(w * means[h, (m - j) % n] for j, w in enumerate(weights, 1))
    return bases
