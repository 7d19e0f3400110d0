"""Recordings, runs, people, tracks and bouts in a database that plain SQL can ask.

`open_database` opens one; the modules `recordings`, `runs`, `poses`, `tracks` and `bouts` write and read its rows,
`frames` gives ready-made tables.
"""

from storage.database import SCHEMA_VERSION, Database, open_database, schema_version
from storage.errors import MissingError, SchemaError, StorageError

__all__ = [
    "SCHEMA_VERSION",
    "Database",
    "MissingError",
    "SchemaError",
    "StorageError",
    "open_database",
    "schema_version",
]
