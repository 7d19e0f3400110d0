"""Labels of humans in, automatic bouts out: BORIS, ELAN and plain CSV. Light: no torch, no database."""

from collections.abc import Callable, Sequence
from pathlib import Path

from behavior.exchange.boris_project import write_boris_project
from behavior.exchange.boris_tables import write_aggregated, write_tabular
from behavior.exchange.elan import write_elan
from behavior.exchange.intervals import Interval, LabelFile
from behavior.exchange.media import MediaInfo
from behavior.exchange.reading import read_labels
from behavior.labels import Bout

BOUT_WRITERS: dict[str, Callable[[Sequence[Bout], MediaInfo, Path], None]] = {
    "boris-tabular": write_tabular,
    "boris-aggregated": write_aggregated,
    "boris-project": write_boris_project,
    "elan": write_elan,
}
"""Format -> writer of one recording's bouts into one file; they raise `OutputError`."""

__all__ = ["BOUT_WRITERS", "Interval", "LabelFile", "MediaInfo", "read_labels"]
