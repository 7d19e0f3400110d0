"""Labels of humans in, automatic bouts out: BORIS, ELAN and plain CSV. Light: no torch, no database."""

from collections.abc import Callable, Sequence
from pathlib import Path

from storage.bouts import Bout
from storage.formats.labels.boris_project import write_boris_project
from storage.formats.labels.boris_tables import write_aggregated, write_tabular
from storage.formats.labels.elan import write_elan
from storage.formats.labels.intervals import Interval, LabelFile
from storage.formats.labels.media import MediaInfo
from storage.formats.labels.reading import read_labels

BOUT_WRITERS: dict[str, Callable[[Sequence[Bout], MediaInfo, Path], None]] = {
    "boris-tabular": write_tabular,
    "boris-aggregated": write_aggregated,
    "boris-project": write_boris_project,
    "elan": write_elan,
}
"""Format -> writer of one recording's bouts into one file; they raise `OutputError`."""

__all__ = ["BOUT_WRITERS", "Interval", "LabelFile", "MediaInfo", "read_labels"]
