"""Open a database, and its transactions.

SQLite by path, PostgreSQL by URL; nothing above this file knows which. SQLite runs in write-ahead mode: readers see the
last commit while a writer works, and a process killed at any moment loses only its open transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from storage import schema
from storage.errors import MissingError, SchemaError, StorageError
from storage.migrations import MIGRATIONS, Migration, applied, record, refuse_foreign

SCHEMA_VERSION = len(MIGRATIONS)
"""Number of the newest schema, the one this version writes."""

_WRITES = "posescribe_writes"


class Database:
    """An open database; made by `open_database`, closed by `close` or `with`. May be shared between threads."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._open = threading.local()
        self._written = False  # whether there is a file that can be missed
        self.where = where
        """How messages name it: the path, or the URL without its password."""

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit at the end of the block, roll back on an error.

        A transaction inside another one of the same thread is a savepoint: it can fail alone, and what it wrote is
        committed with the outer one. Raises `StorageError` when the database refuses.
        """
        outer: Connection | None = getattr(self._open, "connection", None)
        with self._told_plainly():
            if outer is not None:
                with outer.begin_nested():
                    yield outer
                return
            self._refuse_moved()
            with self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
                self._open.connection = connection
                try:
                    yield connection
                finally:
                    del self._open.connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot to read from: of the last commit or, within a transaction of the same thread, of that."""
        outer: Connection | None = getattr(self._open, "connection", None)
        with self._told_plainly():
            if outer is not None:
                yield outer
                return
            with self._engine.connect() as connection:
                yield connection

    def _refuse_moved(self) -> None:
        """Whoever moves a folder takes the open file along; what would be written beside it goes elsewhere."""
        if self._written and not Path(str(self._engine.url.database)).exists():
            raise StorageError(
                f"{self.where}: no longer there; what is stored went with the file: move it back and run again"
            )

    def close(self) -> None:
        """Close all connections; the database can't be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise StorageError(
                f"{self.where}: refused ({_reason(error)}); is another process writing the same run?"
            ) from error
        except SQLAlchemyError as error:
            raise StorageError(f"{self.where}: {_reason(error)}{_remedy(_reason(error))}") from error
        except UnicodeEncodeError as error:
            raise StorageError(
                f"{self.where}: can't hold {error.object[:40]!r}, which is no text; correct it"
            ) from error
        except ValueError as error:
            if not _of_a_row(error):
                raise
            reason = f"{' '.join(str(error).split())[:100]}: malformed"
            raise StorageError(f"{self.where}: {reason}{_remedy(reason)}") from error


def open_database(path_or_url: str | Path, *, create: bool = True) -> Database:
    """Open a SQLite file, made if it is not there, or a database by URL (`postgresql://user@host/name`).

    An older schema is brought to the newest (see `migrations`). With `create=False` the database must be there.

    Raises `StorageError` when it can't be opened or written, `MissingError` when it should be there and is not,
    `SchemaError` when it is not a posescribe database or one of a newer version.
    """
    url, where = _parse(path_or_url)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and not create and not Path(str(url.database)).exists():
        raise MissingError(f"{where}: no such database; give one that posescribe has written")
    try:
        # Parameters by position: see `bulk`. A server that was restarted is asked anew.
        engine = create_engine(url, paramstyle="qmark" if sqlite else "format", pool_pre_ping=not sqlite)
    except ModuleNotFoundError as error:
        raise StorageError(f"{where}: no driver ({error}); pip install 'posescribe[postgresql]'") from error
    if sqlite:
        _prepare_sqlite(engine)
    database = Database(engine, where)
    try:
        if not create:
            _refuse_empty(database)
        migrate(database)
        if sqlite:
            _use_write_ahead_log(engine)
            database._written = True
    except SQLAlchemyError as error:
        database.close()
        raise StorageError(f"{where}: {_reason(error)}{_remedy(_reason(error))}") from error
    except StorageError as error:
        database.close()
        if "file is not a database" in str(error):
            raise SchemaError(f"{where}: not a database; choose another --db") from error
        raise
    return database


def _refuse_empty(database: Database) -> None:
    """Whoever reads must not turn an empty file into a database."""
    with database.reading() as tx:
        if not applied(tx):
            refuse_foreign(tx, database.where)
            raise MissingError(f"{database.where}: holds nothing; give a database that posescribe has written")


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the newest schema; one that has it is only read.

    Raises `SchemaError` for a database that holds another program's tables, or steps that this version does not know.
    """
    known = [migration.name for migration in migrations]
    with database.reading() as tx:
        done = applied(tx)
    if unknown := [name for name in done if name not in known]:
        raise SchemaError(
            f"{database.where}: made by a newer posescribe (schema {len(done)} with step {unknown[-1]!r}, this version "
            f"knows {len(known)}); update posescribe or choose another --db"
        )
    for migration in migrations:
        if migration.name not in done:
            with database.transaction() as tx:
                had = applied(tx)  # another process may have been faster
                if not had:
                    refuse_foreign(tx, database.where)
                if migration.name not in had:
                    migration.apply(tx)
                    record(tx, migration)


def schema_version(database: Database) -> int:
    """Number of the schema that a database has: how many steps of `migrations` were applied to it."""
    with database.reading() as tx:
        return len(applied(tx))


def made(database: Database) -> str:
    """The moment at which a database was made, ISO 8601: tells it from any other that stood at its place."""
    with database.reading() as tx:
        moments: list[datetime] = list(tx.scalars(select(schema.migration.c.applied)))
    return min(moments).isoformat()


def _parse(path_or_url: str | Path) -> tuple[URL, str]:
    text = str(path_or_url)
    if "://" not in text:
        path = Path(text).expanduser()
        if path.is_dir():
            raise StorageError(
                f"{path}: a folder, not a database file; name a file in it, e.g. {path / 'posescribe.db'}"
            )
        if not path.parent.is_dir():
            problem = "is not a folder; choose another" if path.parent.exists() else "does not exist; create it first"
            raise StorageError(f"{path}: {path.parent} {problem}")
        return URL.create("sqlite", database=str(path.absolute())), text
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StorageError(f"not a database URL ({_reason(error)}); give a path or postgresql://...") from error
    where = url.render_as_string(hide_password=True)
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StorageError(f"{where}: results must be kept in a file; give a path")
        return _parse(Path(str(url.database)))
    if backend != "postgresql":
        raise StorageError(
            f"{where}: posescribe keeps results in SQLite or PostgreSQL; give a path or postgresql://..."
        )
    return url.set(drivername="postgresql+psycopg"), where


def _prepare_sqlite(engine: Engine) -> None:
    """Foreign keys, patience with other writers, and transactions begun by us rather than by the driver."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 300000")  # ms; a whole stage may be one transaction
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A writer takes the lock at once: a reader that turns writer could not wait for another one.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_write_ahead_log(engine: Engine) -> None:
    """Done once the file is known to be ours: the mode is kept in it."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _of_a_row(error: ValueError) -> bool:
    """Whether what a row holds can't be what its column says: text that is none, a moment, JSON."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(module.partition(".")[0] == "sqlalchemy" for module in modules)


def _reason(error: SQLAlchemyError) -> str:
    """The driver's own words, in one line."""
    text = str(error.orig) if isinstance(error, DatabaseError) else str(error)
    return " ".join(text.split("\n(Background")[0].split())


def _remedy(reason: str) -> str:
    remedies = {
        "connection failed": "; check the URL and that the server runs",
        "unable to open": "; SQLite writes beside its file, also to read it: copy it into a folder that can be written "
        "or choose another (where it can be written, give the process more memory)",
        "out of memory": "; give the process more memory",
        "readonly": "; choose a folder that can be written",
        "locked": "; another process is writing to it, wait for it to end",
        "disk is full": "; free some space and run again",
        "malformed": "; the file is damaged, restore a copy or choose another --db",
        "disk I/O": "; check the disk, and run again",
    }
    return next((remedy for sign, remedy in remedies.items() if sign in reason), "")
