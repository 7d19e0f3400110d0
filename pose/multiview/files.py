"""Files of cameras: Pose2Sim (OpenCV) and Anipose TOML, OpenPose XML, CMU Panoptic JSON; Qualisys only in.

Every number is moved from the file's unit of length to metres and back in decimal, never in binary, so that a file read
and written again holds the same numbers, and cameras written and read again are the same to the last bit.

| format | length | what it is |
|---|---|---|
| `pose2sim` | m | a section per camera: name, size, matrix, distortions, rotation (vector), translation, fisheye |
| `anipose` | mm | the same sections, called cam_0, cam_1, ...; its length is that of the board's squares |
| `openpose` | m | a folder, an XML file per camera: CameraMatrix (3×4: rotation, translation), Intrinsics, Distortion |
| `panoptic` | cm | cameras: name, resolution, K, distCoef, R, t |
| `qualisys` | mm | `.qca.txt`: fov_video, transform (camera to world, y and z turned), intrinsic (1/64 px) |
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import CalibrationError
from pose.multiview.camera import Array, Camera
from pose.multiview.group import CameraGroup

UNITS = {"m": 0, "cm": -2, "mm": -3}
"""Powers of ten of a metre."""

_UNIT_OF = {"pose2sim": "m", "anipose": "mm", "openpose": "m", "panoptic": "cm", "qualisys": "mm"}
FORMATS = tuple(_UNIT_OF)
_LIMIT_BYTES = 10_000_000


def read_cameras(path: Path, *, format: str | None = None, unit: str | None = None) -> CameraGroup:
    """The cameras of a file, or of a folder of OpenPose's files.

    Args:
        path: the file or folder.
        format: one of `FORMATS`; None: seen from the file.
        unit: of its lengths, one of `UNITS`; None: as is usual in the format.

    Raises:
        CalibrationError: not there, not as its format says, or of cameras that this model does not have (fisheye).
    """
    if not path.exists():
        raise CalibrationError(f"{path}: no such file or folder")
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files:
        raise CalibrationError(f"{path}: a folder without .xml files; give a calibration's file")
    texts = [_text(file) for file in files]
    chosen = format or _detect(path, texts[0])
    power = UNITS[unit or _UNIT_OF[chosen]]
    try:
        if chosen == "openpose":
            cameras = [_of_openpose(file.stem, text, power) for file, text in zip(files, texts, strict=True)]
        else:
            cameras = _READERS[chosen](texts[0], power)
        return CameraGroup(tuple(cameras))
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, ET.ParseError) as error:
        raise CalibrationError(f"{path}: not as {chosen} says ({' '.join(str(error).split())})") from error
    except KeyError as error:
        raise CalibrationError(f"{path}: not as {chosen} says, a camera has no {error.args[0]}") from error


def calibration_hash(path: Path) -> str:
    """sha256 of a calibration's file, or of a folder's XML files in the order of their names."""
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write_cameras(group: CameraGroup, path: Path, *, format: str, unit: str | None = None) -> None:
    """Write cameras as a file (`openpose`: a folder), in the unit that is usual in the format, or another.

    Raises:
        CalibrationError: the format can't hold them, or the file can't be written.
    """
    if format not in _WRITERS and format != "openpose":
        raise CalibrationError(f"{format!r} can't be written; choose one of {', '.join((*_WRITERS, 'openpose'))}")
    power = -UNITS[unit or _UNIT_OF[format]]
    try:
        if format == "openpose":
            path.mkdir(parents=True, exist_ok=True)
            for camera in group.cameras:
                (path / f"{camera.name}.xml").write_text(_to_openpose(camera, power), encoding="utf-8")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_WRITERS[format](group, power), encoding="utf-8")
    except OSError as error:
        raise CalibrationError(f"{path}: can't be written ({error.strerror}); choose another place") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise CalibrationError(f"{path}: {path.stat().st_size} bytes are no calibration; give a calibration's file")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: can't be read ({error}); give a calibration's file") from error


def _detect(path: Path, text: str) -> str:
    if path.is_dir() or "<opencv_storage" in text:
        return "openpose"
    if path.suffix == ".json":
        return "panoptic"
    if path.suffix == ".toml":
        sections = re.findall(r"^\s*\[(\w+)\]", text, flags=re.MULTILINE)
        numbered = [name for name in sections if name != "metadata"]
        named = re.findall(r"^\s*name\s*=\s*[\"'](.*)[\"']", text, flags=re.MULTILINE)
        return "anipose" if numbered == [f"cam_{i}" for i in range(len(numbered))] != named else "pose2sim"
    if "<calibration" in text and "<transform" in text:
        return "qualisys"
    raise CalibrationError(
        f"{path}: no calibration that is known: TOML of Pose2Sim or Anipose, XML of OpenPose, JSON of Panoptic, "
        ".qca.txt of Qualisys"
    )


# --- numbers: decimal in, decimal out ------------------------------------------------------------------------------


def _number(value: Any, power: int = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"{str(value)[:20]!r} is no number")
    try:
        return float(Decimal(value).scaleb(power))
    except InvalidOperation as error:
        raise ValueError(f"{str(value)[:20]!r} is no number") from error


def _numbers(values: Any, shape: tuple[int, ...], power: int = 0) -> Array:
    """An array of that shape, out of nested lists of numbers."""
    flat: list[float] = []

    def walk(value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                walk(one)
        else:
            flat.append(_number(value, power))

    walk(values)
    if len(flat) != int(np.prod(shape)):
        raise ValueError(f"expected {int(np.prod(shape))} numbers, got {len(flat)}")
    return np.array(flat, dtype=np.float64).reshape(shape)


def _lens(values: Any) -> Array:
    """Coefficients of distortion, as many as the model takes: zeros are added or, behind the last, left out."""
    count = len(np.ravel(np.array(values, dtype=object)))
    flat = list(_numbers(values, (count,)))
    for length in (4, 5, 8):
        if len(flat) <= length:
            return np.array(flat + [0.0] * (length - len(flat)))
    if any(flat[8:]):
        raise ValueError(f"{len(flat)} coefficients of distortion, this model has 8")
    return np.array(flat[:8])


def _told(value: float, power: int = 0) -> str:
    text = format(Decimal(repr(float(value))).scaleb(power), "f")
    return text if "." in text else text + ".0"


def _list(values: Array, power: int = 0) -> str:
    if values.ndim == 0:
        return _told(float(values), power)
    return "[" + ", ".join(_list(value, power) for value in values) + "]"


def _size(values: Any) -> tuple[int, int]:
    width, height = _numbers(values, (2,))
    if width % 1 or height % 1:
        raise ValueError(f"size {width}×{height} is not in whole pixels")
    return int(width), int(height)


# --- formats -------------------------------------------------------------------------------------------------------


def _of_toml(text: str, power: int) -> list[Camera]:
    sections = {name: one for name, one in tomllib.loads(text, parse_float=Decimal).items() if name != "metadata"}
    cameras = []
    for name, one in sections.items():
        if not isinstance(one, dict):
            raise ValueError(f"{name} is no section of a camera")
        if one.get("fisheye"):
            raise ValueError(f"camera {name} is a fisheye, which this model of a camera does not have")
        cameras.append(
            Camera(
                str(one.get("name", name)),
                _size(one["size"]) if "size" in one else None,
                _numbers(one["matrix"], (3, 3)),
                _lens(one["distortions"]),
                _numbers(one["rotation"], (3,)),
                _numbers(one["translation"], (3,), power),
            )
        )
    return cameras


def _to_toml(group: CameraGroup, power: int, section: Callable[[int, Camera], str], size: type) -> str:
    lines = []
    for number, camera in enumerate(group.cameras):
        lines += [
            f"[{section(number, camera)}]",
            f"name = {json.dumps(camera.name)}",
            *([] if camera.size is None else [f"size = [{size(camera.size[0])}, {size(camera.size[1])}]"]),
            f"matrix = {_list(camera.matrix)}",
            f"distortions = {_list(camera.distortion)}",
            f"rotation = {_list(camera.rotation_vector)}",
            f"translation = {_list(camera.translation, power)}",
            "fisheye = false",
            "",
        ]
    return "\n".join([*lines, "[metadata]", "adjusted = false", "error = 0.0", ""])


def _key(_: int, camera: Camera) -> str:
    return camera.name if re.fullmatch(r"[\w-]+", camera.name, flags=re.ASCII) else json.dumps(camera.name)


def _to_pose2sim(group: CameraGroup, power: int) -> str:
    return _to_toml(group, power, _key, float)


def _to_anipose(group: CameraGroup, power: int) -> str:
    return _to_toml(group, power, lambda number, _: f"cam_{number}", int)


def _of_panoptic(text: str, power: int) -> list[Camera]:
    content = json.loads(text, parse_float=Decimal)
    if not isinstance(content, dict):
        raise ValueError("it is no object with cameras")
    return [
        Camera(
            str(one["name"]),
            _size(one["resolution"]) if "resolution" in one else None,
            _numbers(one["K"], (3, 3)),
            _lens(one["distCoef"]),
            _numbers(one["R"], (3, 3)),
            _numbers(one["t"], (3,), power),
        )
        for one in content["cameras"]
    ]


def _to_panoptic(group: CameraGroup, power: int) -> str:
    cameras = []
    for camera in group.cameras:
        size = "" if camera.size is None else f'"resolution": [{camera.size[0]}, {camera.size[1]}], '
        cameras.append(
            f'{{"name": {json.dumps(camera.name)}, "type": "hd", {size}'
            f'"K": {_list(camera.matrix)}, "distCoef": {_list(camera.distortion)}, '
            f'"R": {_list(camera.world_to_camera)}, "t": {_list(camera.translation[:, None], power)}}}'
        )
    return '{"cameras": [\n' + ",\n".join(cameras) + "\n]}\n"


def _of_openpose(name: str, text: str, power: int) -> Camera:
    root = ET.fromstring(text)

    def matrix(node: str) -> list[str]:
        found = root.find(node)
        if found is None:
            raise KeyError(node)
        return (found.findtext("data") or "").split()

    pose = matrix("CameraMatrix")
    rows = [pose[start : start + 4] for start in (0, 4, 8)]
    size = root.findtext("ImageSize")
    return Camera(
        name,
        None if size is None else _size(size.split()),
        _numbers(matrix("Intrinsics"), (3, 3)),
        _lens(matrix("Distortion")),
        _numbers([row[:3] for row in rows], (3, 3)),
        _numbers([row[3:] for row in rows], (3,), power),
    )


def _to_openpose(camera: Camera, power: int) -> str:
    """OpenPose has no place for the size of the picture: `ImageSize` is ours, and it passes over it."""

    def node(name: str, rows: Sequence[Sequence[str]]) -> str:
        data = "\n    ".join(" ".join(row) for row in rows)
        head = f"<rows>{len(rows)}</rows>\n  <cols>{len(rows[0])}</cols>\n  <dt>d</dt>"
        return f'<{name} type_id="opencv-matrix">\n  {head}\n  <data>\n    {data}</data></{name}>'

    turn = camera.world_to_camera
    pose = [
        [*(_told(value) for value in row), _told(along, power)]
        for row, along in zip(turn, camera.translation, strict=True)
    ]
    size = "" if camera.size is None else f"<ImageSize>\n  {camera.size[0]} {camera.size[1]}</ImageSize>\n"
    lens = np.pad(camera.distortion, (0, 8 - len(camera.distortion)))
    return (
        '<?xml version="1.0"?>\n<opencv_storage>\n'
        f"{node('CameraMatrix', pose)}\n"
        f"{node('Intrinsics', [[_told(value) for value in row] for row in camera.matrix])}\n"
        f"{node('Distortion', [[_told(value)] for value in lens])}\n"
        f"{size}</opencv_storage>\n"
    )


def _of_qualisys(text: str, power: int) -> list[Camera]:
    """The columns of the transform are the axes of the world in the camera's frame, whose y is up
    and z back; x, y, z are the camera's place; lengths in the picture are 1/64 px of the sensor, in which the picture
    begins at left, top. Coefficients of distortion are taken as they stand: Pose2Sim divides them by 64, too, but the
    boards of its own demo give just these (`benchmarks/README.md`).
    """
    cameras = []
    for one in ET.fromstring(text).iterfind("cameras/camera"):

        def told(tag: str, name: str, one: ET.Element = one) -> str:
            found = one.find(tag)
            if found is None or name not in found.attrib:
                raise KeyError(f"{tag} {name}")
            return found.attrib[name]

        if one.get("viewrotation", "0") != "0":
            raise ValueError(f"camera {one.get('serial')}: a viewrotation of {one.get('viewrotation')} is not read")
        left, top, right, bottom = (_number(told("fov_video", side)) for side in ("left", "top", "right", "bottom"))
        fu, fv, cu, cv = (
            _number(told("intrinsic", name)) / 64
            for name in ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
        )
        k1, k2, k3, p1, p2 = (
            _number(told("intrinsic", name))
            for name in ("radialDistortion1", "radialDistortion2", "radialDistortion3", "tangentalDistortion1",
                         "tangentalDistortion2")
        )  # fmt: skip
        turn = np.array([[_number(told("transform", f"r{row}{column}")) for column in (1, 2, 3)] for row in (1, 2, 3)])
        centre = np.array([_number(told("transform", axis), power) for axis in "xyz"])
        to_camera = np.diag([1.0, -1.0, -1.0]) @ turn
        cameras.append(
            Camera(
                one.attrib["serial"],
                (int(right - left + 1), int(bottom - top + 1)),
                np.array([[fu, 0, cu - left], [0, fv, cv - top], [0, 0, 1]]),
                np.array([k1, k2, p1, p2, k3]),
                to_camera,
                -to_camera @ centre,
            )
        )
    return cameras


_READERS: dict[str, Callable[[str, int], list[Camera]]] = {
    "pose2sim": _of_toml,
    "anipose": _of_toml,
    "panoptic": _of_panoptic,
    "qualisys": _of_qualisys,
}
_WRITERS: dict[str, Callable[[CameraGroup, int], str]] = {
    "pose2sim": _to_pose2sim,
    "anipose": _to_anipose,
    "panoptic": _to_panoptic,
}
