"""Small NEWAVE decks, made line by line: four plants on two rivers, two submarkets, three levels.

The river runs ALTA -> MEIA -> (border of a reservoir) -> BAIXA; a fictitious copy of MEIA
stands beyond the border. NOVA is built during the study. The study begins in May 2021, goes to the
end of 2022, and looks a year further.

    python newave_decks.py DIRECTORY

writes it. The tests change its files line by line.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

FIRST_YEAR, FIRST_MONTH = 2021, 5
N_STATIONS = 320
ALTA, MEIA, BAIXA, NOVA, COPY = 1, 2, 4, 5, 9
STATIONS = {ALTA: 11, MEIA: 12, BAIXA: 14, NOVA: 15, COPY: 12}

_NAMES = (
    *("dger", "sistema", "confhd", "modif", "conft", "term", "clast", "exph", "expt", "patamar"),
    *("cortes", "cortesh", "pmo", "parp", "forward", "forwarh", "shist", "manutt", "newdesp"),
    *("vazpast", "itaipu", "bid", "c_adic", "loss", "gtminpat", "elnino", "ensoaux", "dsvagua"),
    *("penalid", "curva", "agrint", "adterm", "ghmin", "sar", "cvar", "ree", "re", "tecno"),
)


def whole(value: float, size: int) -> str:
    """A number with a point at its end, right in its column."""
    return f"{value:g}.".rjust(size) if float(value).is_integer() else f"{value:g}".rjust(size)


def year_row(
    label: str, values: Sequence[float], *, first: int = 0, start: int = 7, size: int = 7
) -> str:
    """A row of twelve months of which the first ones may be empty."""
    cells = [" " * size if n < first else whole(v, size) for n, v in enumerate(values)]
    return label.ljust(start) + " ".join(cells)


def record(
    name: str,
    *,
    station: int,
    storage: tuple[float, float],
    regulation: str = "M",
    level: Sequence[float] = (100.0, 0.01, 0.0, 0.0, 0.0),
    area: Sequence[float] = (50.0, 0.0, 0.0, 0.0, 0.0),
    evaporation: Sequence[int] = (0,) * 12,
    units: int = 2,
    power: float = 100.0,
    flow: int = 150,
    tailrace: float = 40.0,
    specific: float = 0.009,
    loss: tuple[int, float] = (2, 1.0),
    rates: tuple[float, float] = (0.0, 0.0),
    least_outflow: int = 0,
    diversion: int = 0,
) -> bytes:
    """A record of the registry of hydro plants."""
    content = bytearray(792)

    def text(start: int, value: str, size: int) -> None:
        content[start : start + size] = value.ljust(size).encode("latin-1")

    def whole_numbers(start: int, *values: int) -> None:
        struct.pack_into(f"<{len(values)}i", content, start, *values)

    def numbers(start: int, *values: float) -> None:
        struct.pack_into(f"<{len(values)}f", content, start, *values)

    text(0, name, 12)
    whole_numbers(12, station)
    text(16, " ", 8)
    whole_numbers(24, 1, 1, 0, diversion)
    numbers(40, *storage, storage[1], storage[0], 0.0, 0.0, *level, *area)
    whole_numbers(104, *evaporation)
    whole_numbers(152, 1, units)
    numbers(176, power)
    text(196, " ", 300)
    numbers(496, 60.0)
    whole_numbers(516, flow)
    numbers(536, specific, loss[1])
    numbers(692, tailrace)
    numbers(700, 100.0, 0.0)
    whole_numbers(708, least_outflow)
    numbers(724, *rates)
    whole_numbers(732, loss[0])
    text(736, " ", 51)
    numbers(787, storage[1])
    text(791, regulation, 1)
    return bytes(content)


REGISTRY: Mapping[int, bytes] = {
    ALTA: record(
        "ALTA", station=11, storage=(100.0, 1100.0), evaporation=(30,) * 12, rates=(10.0, 5.0)
    ),
    MEIA: record("MEIA", station=12, storage=(50.0, 50.0), regulation="D", evaporation=(20,) * 12),
    BAIXA: record("BAIXA", station=14, storage=(200.0, 700.0), loss=(1, 10.0), least_outflow=30),
    NOVA: record("NOVA", station=15, storage=(80.0, 180.0), units=3),
    COPY: record("FICT.MEIA", station=12, storage=(50.0, 50.0), regulation="D", specific=0.0),
}

_YEARS = ("2021", "2022")
_PAST = FIRST_MONTH - 1
"""Months of the first year before the study, which tables leave empty."""


def _tables(values: Sequence[float], last: Sequence[float] | None = None, **form: int) -> list[str]:
    """Rows of both years, and one of the years after the study."""
    rows = [
        year_row(year, values, first=_PAST if n == 0 else 0, **form)
        for n, year in enumerate(_YEARS)
    ]
    return rows if last is None else [*rows, year_row("POS", last, **form)]


def _settings() -> list[str]:
    numbers = [
        ("TIPO DE EXECUCAO", "   1"),
        ("DURACAO DO PERIODO", "   1"),
        ("No. DE ANOS DO EST", "   2"),
        ("MES INICIO PRE-EST", "   1"),
        ("MES INICIO DO ESTUDO", f"{FIRST_MONTH:4}"),
        ("ANO INICIO DO ESTUDO", f"{FIRST_YEAR:4}"),
        ("No. DE ANOS PRE", "   0"),
        ("No. DE ANOS POS", "   1"),
        ("No. DE ANOS POS FINAL", "   0"),
        *((f"IMPRIME {n}", "   1") for n in range(5)),
        ("No MAX. DE ITER.", "  30"),
        ("No DE SIM. FORWARD", " 200"),
        ("No DE ABERTURAS", "   3"),
        ("No DE SERIES SINT.", "2000"),
        ("ORDEM MAX. PAR(P)", "   2"),
        ("ANO INICIAL HIST.", "1931   0"),
        ("CALCULA VOL.INICIAL", "   1"),
        ("VOLUME INICIAL  -%", "  XXX.X"),
        (" POR SUBSISTEMA", "   0.0"),
        ("TOLERANCIA      -%", " 95.0"),
        ("TAXA DE DESCONTO-%", " 12.0"),
        ("TIPO SIMUL. FINAL", "   1"),
        ("IMPRESSAO DA OPER", "   1"),
        ("IMPRESSAO DA CONVERG.", "   1"),
        ("INTERVALO P/ GRAVAR", "   1"),
        ("No. MIN. ITER.", "   3"),
        ("RACIONAMENTO PREVENT.", "   0"),
        ("No. ANOS MANUT.UTE'S", "   1"),
        ("TENDENCIA HIDROLOGICA", "   2    2"),
        ("RESTRICA0 DE ITAIPU", "   0"),
        ("BID", "   0"),
        ("PERDAS P/ TRANSMISSAO", "   1"),
        ("EL NINO", "   0"),
        ("ENSO INDEX", "   0"),
        ("DURACAO POR PATAMAR", "   1"),
        ("OUTROS USOS DA AGUA", "   1"),
        ("CORRECAO DESVIO", "   0"),
        ("C.AVERSAO/PENAL.VMINP", "   0"),
        ("TIPO DE GERACAO ENAS", "   0"),
        ("RISCO DE DEFICIT", "   1.  2.5"),
        ("ITERACAO P/SIM.FINAL", "   0"),
        ("AGRUPAMENTO LIVRE", "   1"),
        ("EQUALIZACAO PEN.INT.", "   0"),
        ("REPRESENT.SUBMOT.", "   0"),
        ("ORDENACAO AUTOMATICA", "   0"),
        ("CONS. CARGA ADICIONAL", "   1"),
        ("DELTA ZSUP", "  10"),
        ("DELTA ZINF", " 0.2"),
        ("DELTAS CONSECUT.", "   3"),
        ("DESP. ANTEC.  GNL", "   1"),
        ("MODIF.AUTOM.ADTERM", "   0"),
        ("CONSIDERA GHMIN", "   1"),
        ("S.F. COM DATA", "   0"),
        ("GER.PLs E NV1 E NV2", "   1    1    1    0    0"),
        ("SAR", "   0"),
        ("CVAR", "   1"),
        ("CONS. ZSUP MIN. CONV.", "   0"),
        ("DESCONSIDERA VAZMIN", "   0"),
        ("RESTRICOES ELETRICAS", "   1"),
        ("SELECAO DE CORTES", "   0"),
        ("JANELA DE CORTES", "   0"),
    ]
    return ["DECK OF THE TESTS", *(label.ljust(21) + number for label, number in numbers)]


def _plant_row(code: int, name: str, below: int, ree: int, initial: float, status: str) -> str:
    return (
        f" {code:4} {name:<12} {STATIONS[code]:4}  {below:4} {ree:4} {initial:6.2f}   {status}"
        f"   {1:4}     1931     2020"
    )


def _thermal_row(code: int, name: str, power: float, least: Sequence[float]) -> str:
    values = " ".join(f"{value:6.2f}" for value in least)
    return f" {code:3} {name:<12}  {power:4.0f}. 100.   10.00  20.00 {values}"


def small_deck() -> dict[str, list[str]]:
    """Name of a text file -> its lines; change them, and write them with `write_deck`."""
    return {
        "caso.dat": ["arquivos.dat"],
        "arquivos.dat": [f"{'FILE ' + name:<28}: {name}.dat" for name in _NAMES],
        "dger.dat": _settings(),
        "confhd.dat": [
            " NUM  NOME         POSTO JUS   REE V.INIC U.EXIS MODIF INIC.HIST FIM HIST",
            " XXXX XXXXXXXXXXXX XXXX  XXXX XXXX XXX.XX XXXX   XXXX     XXXX     XXXX",
            _plant_row(ALTA, "ALTA", MEIA, 1, 40.0, "EX"),
            _plant_row(MEIA, "MEIA", 0, 1, 0.0, "EX"),
            _plant_row(BAIXA, "BAIXA", 0, 2, 80.0, "EX"),
            _plant_row(NOVA, "NOVA", BAIXA, 2, 0.0, "NE"),
            _plant_row(COPY, "FICT.MEIA", BAIXA, 2, 0.0, "EX"),
        ],
        "ree.dat": [
            " REES X SUBMERCADOS",
            " NUM|NOME REES.| SUBM",
            " XXX|XXXXXXXXXX|  XXX",
            "   1 NORTH          1",
            "   2 SOUTH          2",
            " 999",
        ],
        "modif.dat": [
            " P.CHAVE  MODIFICACOES E INDICES",
            " XXXXXXXX XXXXXXXXXXXXXXXXXXXXX",
            " USINA    1",
            " VMAXT     6 2021  50.000 '%'",
            " VMAXT     8 2021 100.000 '%'",
            " VAZMIN       12",
            " USINA    4",
            " CFUGA     1 2021   45.00",
            " CFUGA     7 2021   42.00",
            " 9999",
        ],
        "exph.dat": [
            "COD  NOME        ENCHIMENTO  VOLUME MORTO    DATA    POT.   MQ CJ",
            "                  INICIO    DUR.MESES  %    ENTRADA",
            "XXXX XXXXXXXXXXXX XX/XXXX      XX     XX.X  XX/XXXX XXXX.X",
            "   5 NOVA          6/2021       2     50.0",
            "                                             9/2021  110.0   1  1",
            "                                            11/2021  110.0   2  1",
            "9999",
        ],
        "conft.dat": [
            " NUM  NOME           SSIS  U.EXIS CLASSE",
            " XXXX XXXXXXXXXXXX   XXXX     XX   XXXX",
            "    1 GAS               1     EX      1",
            "    3 OLEO              2     EE      3",
        ],
        "term.dat": [
            " NUM NOME          POT  FCMX    TEIF   IP",
            " XXX XXXXXXXXXXXX  XXXX. XXX.  XXX.XX XXX.XX",
            _thermal_row(1, "GAS", 200.0, [20.0] * 12 + [30.0]),
            _thermal_row(3, "OLEO", 0.0, [0.0] * 13),
        ],
        "expt.dat": [
            "NUM   TIPO   MODIF  MI ANOI MF ANOF",
            "XXXX XXXXX XXXXXXXX XX XXXX XX XXXX",
            "   3 POTEF   100.00  1 2022          OLEO",
            "   3 FCMAX    50.00  3 2022  4 2022",
        ],
        "manutt.dat": [
            "EMPRESA          COD USINA           UNTDDMMAAAA DUR.    POT.",
            "XXAAAAAAAAAAA    XXXAAAAAAAAAAAAA    XXAXXXXXXXX XXX   XXXX.XX",
            " 1OWNER            1GAS              1 01062021  15    100.00",
        ],
        "clast.dat": [
            " NUM  NOME CLASSE  TIPO COMB.  CUSTO   CUSTO",
            " XXXX XXXXXXXXXXXX XXXXXXXXXX XXXX.XX XXXX.XX",
            "    1 GAS          Gas          90.00  120.00",
            "    3 OLEO         Oleo        500.00  500.00",
            " 9999",
            " NUM     CUSTO",
            " XXXX   XXXX.XX  XX XXXX  XX XXXX",
            "    1     95.00  05 2021  06 2021  GAS",
            " 9999",
        ],
        "patamar.dat": _levels(),
        "sistema.dat": _submarkets(),
        "c_adic.dat": [
            " XXX",
            "       XXXJAN. XXXFEV.",
            "   2  SOUTH          PUMPS",
            *_tables([5.0] * 12, [6.0] * 12, size=7),
            " 999",
        ],
        "vazpast.dat": [
            "*********",
            "*********",
            f" MESPLAN=           {FIRST_MONTH:2}  ANOPLAN=         {FIRST_YEAR}",
            *(
                f" {station:4} STATION     "
                + "".join(f"{base + month:10.2f}" for month in range(1, 13))
                for station, base in ((11, 100.0), (12, 130.0), (14, 300.0), (15, 40.0))
            ),
        ],
        "dsvagua.dat": [
            "ANO  USIN    JAN    FEV",
            "XXXX  XXX XXXX.X XXXX.X",
            *(
                f"{year}  {ALTA:3}" + "".join(f"{-2.0:7.2f}" for _ in range(12)) + "    1"
                for year in _YEARS
            ),
            *(
                f"{year}  {COPY:3}" + "".join(f"{-7.0:7.2f}" for _ in range(12)) + "    1"
                for year in _YEARS
            ),
        ],
        "penalid.dat": [
            " PCHAVE       PENALID1. PENALID2.   SIS",
            " XXXXXX       XXXXX.XX  XXXXX.XX    XXX",
            " DESVIO        4000.00",
            " VAZMIN        3000.00                1",
        ],
        "ghmin.dat": [
            "UH   ME ANO   P  MWmedio",
            "XXX  XX XXXX  X  XXXX.X",
            "  1   6 2021  0   25.",
            "  4   6 2021  1   35.",
        ],
        "agrint.dat": [
            "AGRUPAMENTOS DE INTERCAMBIO",
            " #AG A   B   COEF",
            " XXX XXX XXX XX.XXXX",
            "   1   1   2  1.0000",
            " 999",
            "LIMITES POR GRUPO",
            "  #AG MI ANOI MF ANOF LIM_P1  LIM_P2  LIM_P3",
            " XXX  XX XXXX XX XXXX XXXXXX. XXXXXX. XXXXXX.",
            "   1   6 2021  7 2021     70.     75.     80.     NORTH TO SOUTH",
            " 999",
        ],
        "re.dat": [
            "RES   USINAS PERTENCENTES AO CONJUNTO",
            "XXX   XXX XXX XXX XXX XXX XXX XXX XXX XXX XXX",
            "  1     1   2",
            "999",
            "RES MM/AAAA MM/AAAA P       RESTRICAO",
            "XXX XX XXXX XX XXXX X XXXXXXXXXXXXXXX",
            "  1  7 2021  8 2021 0  150.00         LINE OUT",
            "999",
        ],
        "cvar.dat": [
            "VALORES CONSTANTE NO TEMPO",
            "       ALF.x  LBD.x",
            "        15.0   40.0",
            "VALORES DE ALFA VARIAVEIS NO TEMPO",
            "       JAN.X  FEV.X",
            "VALORES DE LAMBDA VARIAVEIS NO TEMPO",
            "       JAN.X  FEV.X",
        ],
        "loss.dat": [
            "FAT. PERDA USINAS HIDROELETRICAS",
            " 9999",
            "FAT. PERDA INTERLIGACAO",
            " 0001 0002",
            "      2021    " + " ".join([".0200"] * 12),
            "              " + " ".join([".0200"] * 12),
            " 0002 0001",
            "      2021    " + " ".join([".0400"] * 12),
            "              " + " ".join([".0400"] * 12),
            " 9999",
        ],
        "adterm.dat": [
            " IUTE  NOME TERMICA LAG",
            " XXXX  XXXXXXXXXXXX  X  XXXXXXX.XX  XXXXXXX.XX  XXXXXXX.XX",
            "    1  GAS           2",
            "                            150.00       90.00       90.00",
            "                            100.00      100.00      100.00",
            " 9999",
        ],
        "gtminpat.dat": [" XX    XX"],
        "notes.txt": ["nothing that the deck knows"],
    }


def _levels() -> list[str]:
    shares, loads, exchanges = (0.1, 0.5, 0.4), (1.2, 1.06, 0.875), (0.9, 1.0, 1.1)

    def rows(values: Sequence[float], start: int, step: int) -> list[str]:
        found = []
        for year in _YEARS:
            for level, value in enumerate(values):
                label = (year if start == 6 else f"   {year}") if level == 0 else ""
                cells = "".join(f"{value:6.4f}".ljust(step) for _ in range(12))
                found.append(label.ljust(start) + cells)
        return found

    return [
        " NUMERO DE PATAMARES",
        " XX",
        "  3",
        "ANO   DURACAO MENSAL DOS PATAMARES DE CARGA",
        "      JAN     FEV",
        "      X.XXXX  X.XXXX",
        *rows(shares, 6, 8),
        "SUBSISTEMA",
        "XXX",
        "    ANO                       CARGA(P.U.DEMANDA MED.)",
        "   XXXX X.XXXX X.XXXX",
        "   1",
        *rows(loads, 8, 7),
        "   2",
        *rows((1.0, 1.0, 1.0), 8, 7),
        "9999",
        " SUBSISTEMA",
        "   A ->B",
        " XXX XXX",
        "                             INTERCAMBIO(P.U.INTERC.MEDIO)",
        " X.XXXX X.XXXX X.XXXX",
        "   1   2",
        *rows(exchanges, 8, 7),
        "   2   1",
        *rows((1.0, 1.0, 1.0), 8, 7),
        "9999",
    ]


def _submarkets() -> list[str]:
    return [
        " PATAMAR DE DEFICIT",
        " NUMERO DE PATAMARES DE DEFICIT",
        " XXX",
        "   1",
        " CUSTO DO DEFICIT",
        " NUM|NOME SSIS.|    CUSTO DE DEFICIT POR PATAMAR  | P.U. CORTE POR PATAMAR|",
        " XXX|XXXXXXXXXX| F|XXXX.XX XXXX.XX XXXX.XX XXXX.XX|X.XXX X.XXX X.XXX X.XXX|",
        " 1   NORTH       0 4000.00 0000.00 0000.00 0000.00 1.000 0.000 0.000 0.000",
        " 2   SOUTH       0 4000.00 0000.00 0000.00 0000.00 1.000 0.000 0.000 0.000",
        " 7   KNOT        1",
        " 999",
        " LIMITES DE INTERCAMBIO",
        " A   B   A->B    B->A",
        " XXX XXX XJAN. XXXFEV.",
        "   1   2               0",
        *_tables([80.0] * 12),
        "",
        *_tables([60.0] * 12),
        " 999",
        " MERCADO DE ENERGIA TOTAL",
        " XXX",
        "       XXXJAN. XXXFEV.",
        "   1",
        *_tables([100.0 + month for month in range(1, 13)], [150.0] * 12),
        "   2",
        *_tables([200.0] * 12, [210.0] * 12),
        " 999",
        " GERACAO DE PEQUENAS USINAS",
        " XXX",
        "       XXXJAN. XXXFEV.",
        "   1",
        *_tables([10.0] * 12),
        " 999",
    ]


def records(years: int = FIRST_YEAR - 1931 + 1, seed: int = 3) -> bytes:
    """Natural inflows since 1931 of all gauging stations; station 14 sees what 12 and 15 see."""
    months = np.arange(12 * years)
    noise = np.random.default_rng(seed).gamma(4.0, 0.25, (len(months), 4))
    season = 1.0 + 0.5 * np.cos(2.0 * np.pi * months / 12.0)
    own = noise * season[:, None] * np.array([100.0, 30.0, 50.0, 40.0])
    flows = np.zeros((len(months), N_STATIONS), "<i4")
    flows[:, 10] = own[:, 0]
    flows[:, 11] = flows[:, 10] + own[:, 1].astype(int)
    flows[:, 14] = own[:, 3]
    flows[:, 13] = flows[:, 11] + flows[:, 14] + own[:, 2].astype(int)
    return flows.tobytes()


def write_deck(
    directory: Path,
    files: Mapping[str, Sequence[str]] | None = None,
    *,
    registry: Mapping[int, bytes] = REGISTRY,
    flows: bytes | None = None,
) -> Path:
    """Write a deck; without files the one of `small_deck`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, lines in (small_deck() if files is None else files).items():
        text = "".join(f"{line}\r\n" for line in lines)
        (directory / name).write_bytes(text.encode("latin-1"))
    empty = record("", station=0, storage=(0.0, 0.0), units=0)
    content = b"".join(registry.get(code, empty) for code in range(1, N_STATIONS + 1))
    (directory / "hidr.dat").write_bytes(content)
    (directory / "vazoes.dat").write_bytes(records() if flows is None else flows)
    return directory


if __name__ == "__main__":
    write_deck(Path(sys.argv[1]))
