"""NEWAVE decks: Brazil's monthly operation programme as a case of individual plants."""

from headwater.imports.newave.convert import NewaveImport, import_newave

__all__ = ["NewaveImport", "import_newave"]
