"""Video -> frames -> maps -> people -> tracks.

`PoseEngine` runs it all; importing this package alone loads nothing heavy.
"""

from typing import TYPE_CHECKING, Any

from pose.errors import AssetError, DeviceError, LayoutError, ModelError, PoseError, SourceError
from pose.people import FramePeople, Person, Track, tracks_of
from pose.skeleton import BODY_25, COCO_17, COCO_18, SKELETONS, Skeleton
from pose.tables import tracks_from_dataframe, tracks_to_dataframe, tracks_to_xarray

if TYPE_CHECKING:
    from pose.engine import EngineSettings, PosedFrame, PoseEngine

    __version__: str

__all__ = [
    "BODY_25",
    "COCO_17",
    "COCO_18",
    "SKELETONS",
    "AssetError",
    "DeviceError",
    "EngineSettings",
    "FramePeople",
    "LayoutError",
    "ModelError",
    "Person",
    "PoseEngine",
    "PoseError",
    "PosedFrame",
    "Skeleton",
    "SourceError",
    "Track",
    "__version__",
    "tracks_from_dataframe",
    "tracks_of",
    "tracks_to_dataframe",
    "tracks_to_xarray",
]

_OF_THE_ENGINE = ("EngineSettings", "PoseEngine", "PosedFrame")


def __getattr__(name: str) -> Any:
    if name in _OF_THE_ENGINE:
        from pose import engine

        return getattr(engine, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("posescribe")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
