"""NEWAVE decks: Brazil's monthly operation programme as a case of individual plants."""

from headwater.imports.newave.comparison import NewaveComparison, compare_newave
from headwater.imports.newave.convert import NewaveImport, import_newave

__all__ = ["NewaveComparison", "NewaveImport", "compare_newave", "import_newave"]
