"""Keypoint files of other programs: one module per format, its writer and its reader side by side.

`WRITERS` and `READERS` are the formats by name. A writer takes a database, a track run and a path, and gives the files
that it wrote; a reader takes a path and a clock (for formats without time) and gives `content.Keypoints`, which
`store.store_keypoints` brings into a database. docs/formats.md says what each format holds and loses.
"""

from storage.formats.keypoints.detect import READERS, WRITERS, detect

__all__ = ["READERS", "WRITERS", "detect"]
