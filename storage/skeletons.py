"""Joint layouts in use; the first run with a layout creates the table of its keypoints."""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, select, text
from sqlalchemy.schema import CreateTable

from pose.skeleton import Skeleton
from storage import schema
from storage.errors import MissingError, StorageError


def ensure_skeleton(tx: Connection, skeleton: Skeleton) -> str:
    """Its name; creates its table and view at first.

    Raises `StorageError` when another layout has this name, or a name that can't be told from it in SQL.
    """
    columns = schema.skeleton.c
    table_name = schema.keypoint_table_name(skeleton.name)
    known = tx.execute(select(columns.name, columns.joints).where(columns.table_name == table_name)).one_or_none()
    if known is not None:
        if known.name != skeleton.name or tuple(known.joints) != skeleton.joints:
            raise StorageError(
                f"skeleton {skeleton.name!r}: the database has another layout called {known.name!r} with "
                f"{len(known.joints)} joints; rename one of them"
            )
        return skeleton.name
    table = schema.keypoint_table(skeleton.name, skeleton.joints)
    tx.execute(CreateTable(table))
    view = schema.tracked(table).compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
    tx.execute(text(f"CREATE VIEW {schema.tracked_view_name(skeleton.name)} AS {view}"))
    values = {
        "name": skeleton.name, "table_name": table_name, "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs], "sigmas": list(skeleton.sigmas),
    }  # fmt: skip
    tx.execute(insert(schema.skeleton).values(values))
    return skeleton.name


def skeleton_of(tx: Connection, run_id: int) -> Skeleton:
    """The joint layout of a run; raises `MissingError` when there is no such run, or it has no keypoints."""
    columns = schema.skeleton.c
    query = (
        select(columns.name, columns.joints, columns.limbs, columns.sigmas)
        .join(schema.run, schema.run.c.skeleton == columns.name)
        .where(schema.run.c.id == run_id)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        raise MissingError(f"no run {run_id} with keypoints in the database")
    limbs = tuple((first, second) for first, second in row.limbs)
    return Skeleton(row.name, tuple(row.joints), limbs, tuple(row.sigmas))


def keypoint_table_of(tx: Connection, run_id: int) -> Table:
    """The table that holds a run's keypoints; raises `MissingError` as `skeleton_of`."""
    skeleton = skeleton_of(tx, run_id)
    return schema.keypoint_table(skeleton.name, skeleton.joints)
