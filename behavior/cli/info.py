"""`posescribe info`: what is installed, and what would run."""

from __future__ import annotations

from behavior.cli.options import Device, Json
from behavior.cli.printable import print_json, print_safely


def info(device: Device = "auto", json_: Json = False) -> None:
    """Versions, devices found, the device that would run, cache folder, database schema version."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from pose.backends.base import Device as Asked
    from pose.backends.base import no_device
    from pose.backends.onnx_backend import usable_devices
    from pose.weights.assets import cache_folder
    from storage.database import SCHEMA_VERSION

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    packages = (
        "torch",
        "onnxruntime-gpu",
        "onnxruntime",
        "openvino",
        "opencv-python",
        "av",
        "scikit-learn",
        "pandas",
        "sqlalchemy",
    )
    devices = usable_devices()
    asked = Asked.parse(device)
    would_run = devices[1:2] or devices if asked.kind == "auto" else [str(asked)]
    if would_run[0].replace("tensorrt", "cuda") not in devices:
        raise no_device(asked, "it is not there", devices)
    known = {
        "posescribe": version("posescribe"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in packages if (found := installed(name))},
        "devices": devices,
        "device": would_run[0],
        "cache": str(cache_folder()),
        "schema": SCHEMA_VERSION,
    }
    if json_:
        print_json(known)
        return
    for key, value in known.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {found}" for name, found in value.items())
        elif isinstance(value, list):
            value = ", ".join(value)
        print_safely(f"{key:11} {value}")
