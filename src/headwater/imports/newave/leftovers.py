"""Files of a deck that nothing was taken from, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headwater.arrays import FrozenDict
from headwater.imports.newave.deck import Deck

_DATA = re.compile(r"\s{0,4}\d{1,4}\s+\S")

REASONS: Mapping[str, str] = FrozenDict(
    {
        "caso": "names the list of files",
        "arquivos": "names the files",
        "shist": "years of a historical simulation, which config.json can ask for",
        "itaipu": "restrictions between 50 and 60 Hz at Itaipu: the plant is one of the case",
        "bid": "demand bids",
        "gtminpat": "least generation of thermal plants by load level",
        "elnino": "El Nino",
        "ensoaux": "ENSO index",
        "sar": "the risk aversion surface (SAR)",
        "curva": "curves of least stored energy: switched off in the settings",
        "tecno": "technologies",
        "abertura": "openings by month: every stage has the number of the settings",
        "gee": "limits of greenhouse gas emissions",
        "clasgas": "classes of gas",
        "volume_referencia_sazonal": "reference volumes by month: one holds for all",
        "selcor": "settings of cut selection: the engine chooses the cuts of each solve itself",
        "postos": "names of the gauging stations",
        "cadterm": "registry of thermal plants; what the study needs stands in the other files",
        "cdefvar": "deficit costs by year",
        "penalid": "costs of violations",
        "manutt": "maintenance: the settings ask for no year of it",
        "dsvagua": "water for other uses: switched off in the settings",
        "c_adic": "additional loads",
        "perda": "losses: switched off in the settings",
        "cvar": "CVaR: switched off in the settings",
    }
)
"""Key of a file -> what it is about."""


def account_for_the_rest(deck: Deck) -> None:
    """Report every file of the directory that was not read."""
    for key, name in deck.names.items():
        if name not in deck.report.files:
            deck.report.ignore(name, _reason(deck, key))
    for name in sorted(path.name for path in deck.directory.iterdir()):
        if name not in deck.report.files:
            deck.report.ignore(name, "not a file that the list of files or the format names")


def _reason(deck: Deck, key: str) -> str:
    meaning = REASONS.get(key, "not used")
    if key in _BINARY:
        return meaning
    count = sum(bool(_DATA.match(line)) for line in deck.lines(key))
    return f"{meaning} ({count} lines of figures)" if count else f"{meaning} (no figures in it)"


_BINARY = ("postos", "hidr", "vazoes")
