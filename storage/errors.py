"""Errors of the storage package.

StorageError
├── SchemaError      a database of a newer or foreign schema
├── MissingError     a recording, run or track that is not in the database
├── ExchangeError    a file of another program that is not as its format says, or can't hold what it should
└── OutputError      a folder or file that can't be written
"""


class StorageError(Exception):
    """The database can't be opened, read or written."""


class SchemaError(StorageError):
    """A database of a newer or foreign schema."""


class MissingError(StorageError):
    """A recording, run or track that is not in the database."""


class ExchangeError(StorageError):
    """A file of another program that is not as its format says, or a format that can't hold what it should."""


class OutputError(StorageError):
    """A folder or file that can't be written."""
