"""Hydro plants of the registry (``HIDR.DAT``) after the changes of ``MODIF.DAT``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.arrays import Array
from headwater.imports.newave.changes import PlantChanges
from headwater.imports.newave.deck import Deck, DeckError, Row

_MONTHS = ("JAN", "FEV", "MAR", "ABR", "MAI", "JUN", "JUL", "AGO", "SET", "OUT", "NOV", "DEZ")
_MOST_SETS = 5


@dataclass(frozen=True)
class TurbineSet:
    """Turbines of the same make.

    Attributes:
        units: how many there are at the beginning of the study.
        power_mw: of one.
        flow_m3s: of one at its rated head.
    """

    units: int
    power_mw: float
    flow_m3s: float


@dataclass(frozen=True)
class Plant:
    """A hydro plant of the registry.

    Attributes:
        code: its number.
        name: its name.
        min_storage_hm3, max_storage_hm3: limits of the reservoir.
        reference_hm3: storage at which a plant without monthly regulation stays.
        regulates: whether its storage may change from month to month.
        level: coefficients of the level in the storage, constant term first.
        area: coefficients of the surface in the level.
        tailrace_m: mean level below the plant.
        evaporation_mm: net depth of every month, January first.
        sets: its turbines.
        productivity_per_metre: MW per m3/s and metre of head.
        loss: loss of head: a share of it, or metres.
        loss_is_share: which of them.
        availability: share of the power that outages leave.
        min_outflow_m3s: smallest outflow.
        station: gauging station of the natural river.
    diverts_to: plant that a canal or tunnel leads to; ``None`` where there is none.
    changes: cards of the deck.
    """

    code: int
    name: str
    min_storage_hm3: float
    max_storage_hm3: float
    reference_hm3: float
    regulates: bool
    level: Array
    area: Array
    tailrace_m: float
    evaporation_mm: tuple[float, ...]
    sets: tuple[TurbineSet, ...]
    productivity_per_metre: float
    loss: float
    loss_is_share: bool
    availability: float
    min_outflow_m3s: float
    station: int
    diverts_to: int | None
    changes: PlantChanges

    @property
    def useful_hm3(self) -> float:
        """Storage between the limits."""
        return max(self.max_storage_hm3 - self.min_storage_hm3, 0.0)

    @property
    def storage_limits_hm3(self) -> tuple[float, float]:
        """Limits in the case; twice the reference storage where a plant does not regulate."""
        if self.regulates and self.useful_hm3 > 0.0:
            return self.min_storage_hm3, self.max_storage_hm3
        return self.reference_hm3, self.reference_hm3

    def storage_of(self, value: float, *, in_percent: bool) -> float:
        """A storage given in hm3, or in % of the useful volume."""
        if in_percent:
            return self.min_storage_hm3 + value / 100.0 * self.useful_hm3
        return value

    def level_m(self, storage_hm3: Array) -> Array:
        """Level of the lake."""
        return np.asarray(np.polynomial.polynomial.polyval(storage_hm3, self.level), np.float64)

    def mean_level_m(self) -> float:
        """Level of a run-of-river plant, or the mean level over the useful volume."""
        low, high = self.storage_limits_hm3
        if high <= low:
            return float(self.level_m(np.array(low)))
        integral = np.polynomial.polynomial.polyint(self.level)
        ends = np.polynomial.polynomial.polyval(np.array([low, high]), integral)
        return float((ends[1] - ends[0]) / (high - low))

    def area_km2(self, level_m: Array) -> Array:
        """Surface of the lake; none where the polynomial is below zero."""
        return np.maximum(np.polynomial.polynomial.polyval(level_m, self.area), 0.0)

    def productivity(self, level_m: float, tailrace_m: float) -> float:
        """MW per m3/s at a level of the lake and below the plant."""
        gross = max(level_m - tailrace_m, 0.0)
        net = gross * (1.0 - self.loss) if self.loss_is_share else max(gross - self.loss, 0.0)
        return self.productivity_per_metre * net


def read_registry(
    deck: Deck,
    codes: Collection[int],
    changes: Mapping[int, PlantChanges],
    optional: Collection[int] = (),
) -> dict[int, Plant]:
    """Plants by code.

    Args:
        deck: with the registry.
        codes: plants that are asked for.
        changes: cards by plant.
        optional: plants that it may lack.

    Raises:
        DeckError: the registry lacks a plant, or is cut.
    """
    path = deck.path("hidr")
    size = path.stat().st_size
    if not size or all(size % record for record in _RECORDS):
        raise DeckError(
            f"{path.name}: records of 792 or 832 bytes are expected, one for each plant; the file "
            f"has {size} bytes and is cut"
        )
    frame: Any = deck.read("hidr", "Hidr", "registry of hydro plants").cadastro
    found = {}
    for code in (*codes, *optional):
        if code not in frame.index or not str(frame.loc[code]["nome_usina"]).strip():
            if code in optional:
                continue
            raise DeckError(
                f"{path.name}: it has no plant {code}, which {deck.name('confhd')} asks for"
            )
        record = {str(key): value for key, value in frame.loc[code].to_dict().items()}
        found[code] = _plant(code, record, changes.get(code, PlantChanges()))
    deck.report.approximate(
        path.name,
        "constant productivity at the mean level of the useful volume and the mean tailrace level "
        "(the six tailrace polynomials "
        "are not used)",
    )
    return found


_RECORDS = (792, 832)
"""Bytes of a record: with coefficients of 32 bits, or of 64."""


def _plant(code: int, record: Row, changes: PlantChanges) -> Plant:
    low, high = _volume(record, changes)
    reference = float(record["volume_referencia"])
    teif = min(max(changes.value("TEIF", record["teif"]), 0.0), 100.0)
    planned = min(max(changes.value("IP", record["ip"]), 0.0), 100.0)
    is_share = int(record["tipo_perda"]) == 1
    loss = changes.value("PERDHIDR", float(record["perdas"]))
    level, area = changes.last("VOLCOTA"), changes.last("COTAREA")
    evaporation = [float(record[f"evaporacao_{name}"]) for name in _MONTHS]
    for value, number in changes.of_sets("COEFEVAP"):
        if 1 <= number <= len(_MONTHS):
            evaporation[number - 1] = value
    return Plant(
        code=code,
        name=str(record["nome_usina"]).strip(),
        min_storage_hm3=low,
        max_storage_hm3=high,
        reference_hm3=min(max(reference, low), high),
        regulates=str(record["tipo_regulacao"]).strip().upper() == "M",
        level=np.array(level.values if level else _polynomial(record, "volume_cota")),
        area=np.array(area.values if area else _polynomial(record, "cota_area")),
        tailrace_m=float(record["canal_fuga_medio"]),
        evaporation_mm=tuple(evaporation),
        sets=_sets(record, changes),
        productivity_per_metre=changes.value(
            "PRODESP", float(record["produtibilidade_especifica"])
        ),
        loss=loss / 100.0 if is_share else loss,
        loss_is_share=is_share,
        availability=(1.0 - teif / 100.0) * (1.0 - planned / 100.0),
        min_outflow_m3s=max(changes.value("VAZMIN", float(record["vazao_minima_historica"])), 0.0),
        station=int(record["posto"]),
        diverts_to=int(record["desvio"]) or None,
        changes=changes,
    )


def _volume(record: Row, changes: PlantChanges) -> tuple[float, float]:
    low, high = float(record["volume_minimo"]), float(record["volume_maximo"])
    limits = {"VOLMIN": low, "VOLMAX": high}
    for keyword in limits:
        card = changes.last(keyword)
        if card is not None:
            value = card.values[0]
            limits[keyword] = low + value / 100.0 * (high - low) if card.in_percent else value
    return limits["VOLMIN"], max(limits["VOLMAX"], limits["VOLMIN"])


def _polynomial(record: Row, name: str) -> list[float]:
    return [float(record[f"a{power}_{name}"]) for power in range(5)]


def _sets(record: Row, changes: PlantChanges) -> tuple[TurbineSet, ...]:
    count = int(changes.value("NUMCNJ", float(record["numero_conjuntos_maquinas"])))
    units = {n: int(record[f"maquinas_conjunto_{n}"]) for n in range(1, _MOST_SETS + 1)}
    power = {n: float(record[f"potencia_nominal_conjunto_{n}"]) for n in range(1, _MOST_SETS + 1)}
    units |= {number: int(value) for value, number in changes.of_sets("NUMMAQ")}
    power |= {number: value for value, number in changes.of_sets("POTEFE")}
    return tuple(
        TurbineSet(
            units[n] if n <= count else 0,
            power[n],
            float(record[f"vazao_nominal_conjunto_{n}"]),
        )
        for n in range(1, _MOST_SETS + 1)
    )
