"""Errors of the storage package.

StorageError
├── SchemaError      a database of a newer or foreign schema
└── MissingError     a recording, run or track that is not in the database
"""


class StorageError(Exception):
    """The database can't be opened, read or written."""


class SchemaError(StorageError):
    """A database of a newer or foreign schema."""


class MissingError(StorageError):
    """A recording, run or track that is not in the database."""
