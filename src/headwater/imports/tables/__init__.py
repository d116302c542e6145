"""Cases from spreadsheets and back: one sheet a kind, one row an entity."""

from headwater.imports.tables.exchange import export_table, import_table, write_table_starter

__all__ = ["export_table", "import_table", "write_table_starter"]
