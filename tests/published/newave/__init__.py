"""The report of NEWAVE, the program that plans Brazil's operation, on its PAR(p)-A model of the
subsystem SUDESTE.

The numbers are those of the report that inewave publishes with its tests (MIT licence), as printed:
months along the columns of the series and the residuals and down the rows of the others, January
first. The report repeats what it says of the model for each year of the study; this is the
first, 2019.

* ``series.csv``: natural energy of each month from 1931 to 2017, a year a line, in MW.
* ``autocorrelations.csv`` and ``partial_autocorrelations.csv`` (conditional): lags 1 to 11.
* ``annual_cross_correlations.csv``: with the mean of the twelve months before, lags 1 to 12.
* ``coefficients.csv``: four lines a month: those of the lags for the standardised series, the same
  in units of the series, then the annual one in both ways.
* ``residuals.csv``: standardised, 1932 to 2017.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

SELECTED_ORDERS = (1, 2, 1, 1, 3, 6, 2, 1, 1, 2, 1, 4)
"""By month, before orders whose contribution is negative are reduced."""

REDUCED_ORDERS = (1, 1, 1, 1, 3, 1, 2, 1, 1, 2, 1, 4)
"""By month; the printed coefficients show these, the printed table of final
orders comes from another run.
"""


def printed(name: str) -> list[list[str]]:
    """Rows of a table as printed, for those who ask how many digits there are."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def table(name: str) -> npt.NDArray[np.float64]:
    """A table whose rows have the same length."""
    return np.array([[float(value) for value in row] for row in printed(name)])
