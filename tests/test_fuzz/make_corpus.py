"""Writes `corpus/` anew: a small whole file of each kind, most by the project's own writers.

python -m tests.test_fuzz.make_corpus
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import flatbuffers
import numpy as np
import onnx
import openpyxl
import tflite
import torch
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from behavior.recognition.clips import make_sequences
from behavior.training.train import TrainSettings, train
from pose.layouts import BODY_13
from pose.people import FramePeople, Person
from pose.skeleton import COCO_17, Skeleton
from storage import open_database, poses, recordings, runs, tracks
from storage.bouts import Bout
from storage.formats.keypoints import READERS, WRITERS
from storage.formats.labels import BOUT_WRITERS, MediaInfo

CORPUS = Path(__file__).parent / "corpus"
SMALL = Skeleton(
    "small", ("nose", "left_hip", "right_hip"), (("nose", "left_hip"), ("nose", "right_hip")), (0.05, 0.1, 0.1)
)


def main() -> None:
    shutil.rmtree(CORPUS, ignore_errors=True)
    keypoints()
    labels()
    cameras()
    tables()
    networks()
    action_models()
    media()


def put(name: str, content: str | bytes) -> Path:
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def keypoints() -> None:
    """Two people, three frames, by each writer that has a reader; and a database."""
    folder = CORPUS / "keypoints"
    folder.mkdir(parents=True)
    suffix = {"dlc-csv": ".csv", "dlc-h5": ".dlc.h5", "sleap-h5": ".sleap.h5", "movement-nc": ".nc", "trc": ".trc"}
    for skeleton in (COCO_17, SMALL):
        path = CORPUS / f"{skeleton.name}.db"
        frames = []
        for k in range(3):
            bodies = [np.array([[x + k, 10 * j, 0.5] for j in range(len(skeleton))], np.float32) for x in (100, 300)]
            bodies[0][0] = np.nan, np.nan, 0
            people = [Person(body, 0.5, number, skeleton=skeleton) for number, body in enumerate(bodies, 1)]
            frames.append(FramePeople(k, k / 25, tuple(people if k != 1 else people[:1])))
        with open_database(path) as database:
            with database.transaction() as tx:
                recording = recordings.ensure_recording(
                    tx, name="walk", uri="/videos/walk.mp4", kind="video", sha256="0" * 64, width=640, height=480,
                    fps=25.0,
                )  # fmt: skip
                pose = runs.start_run(tx, recording, "pose", "f" * 64, settings={}, version="1", skeleton=skeleton)
                poses.append_frames(tx, pose.id, frames)
                runs.finish_run(tx, pose.id)
                track = runs.start_run(tx, recording, "track", "e" * 64, settings={}, version="1", parent_id=pose.id)
                tracks.append_memberships(tx, track.id, frames)
                tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
                run = runs.choose(tx, runs.finish_run(tx, track.id).id)
            for name in set(READERS) & set(WRITERS):
                if (skeleton is COCO_17) == (name in ("openpose-json", "coco", "mmpose-json")):
                    WRITERS[name](database, run.id, folder / f"walk{suffix.get(name, f'.{name}.json')}")
            if skeleton is COCO_17:
                WRITERS["coco-wholebody-results"](database, run.id, folder / "results.json")
        if skeleton is SMALL:
            put("database/small.db.gz", gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    for made in folder.iterdir():  # a folder of files per frame: one of them, under its name
        if made.is_dir():
            first = sorted(made.iterdir())[0]
            first.rename(folder / first.name)
            shutil.rmtree(made)
    for extra in folder.glob("walk_person_2*"):
        extra.unlink()
    people = [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25, "person_id": [3], "hand_left_keypoints_2d": [1, 2, 0.5] * 21}]
    put("keypoints/walk_000000000000_keypoints.json", json.dumps({"version": 1.3, "people": people}))


def labels() -> None:
    frames = np.arange(50)
    info = MediaInfo("walk", "/videos/walk.mp4", frames, frames / 25, 2.0, 25.0, people=(1, 2), actions=("walk", "sit"))
    bouts = [Bout(1, "walk", 0.2, 1.0, 5, 24, 0.75), Bout(2, "sit", 0.6, 1.2, 15, 29, 0.5)]
    suffix = {"boris-tabular": ".tsv", "boris-aggregated": ".csv", "boris-project": ".boris", "elan": ".eaf"}
    (CORPUS / "labels").mkdir(parents=True)
    for name, write in BOUT_WRITERS.items():
        write(bouts, info, CORPUS / "labels" / f"walk{suffix[name]}")
    put("labels/walk.boris.gz", gzip.compress((CORPUS / "labels/walk.boris").read_bytes(), mtime=0))
    put("labels/plain.csv", "recording,person,action,start_s,stop_s\nwalk,1,walk,0.1,0.9\nwalk,2,wave,0.5,1.2\n")
    put("labels/frames.csv", "recording,person,action,start_frame,stop_frame\nwalk,1,walk,1,9\nwalk,2,wave,5,12\n")
    put(
        "labels/tab.txt",
        "Tier\tBegin Time - ss.msec\tEnd Time - ss.msec\tDuration - ss.msec\tannotation\n"
        "Anna\t0.5\t1.25\t0.75\twalk\nBen\t0.2\t1.5\t1.3\tsit\n",
    )
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("recording", "person", "action", "start_s", "stop_s"), ("walk", "1", "walk", 0.1, 0.9)):
        sheet.append(row)
    book.save(CORPUS / "labels" / "plain.xlsx")


def cameras() -> None:
    from pose.multiview import Camera, CameraGroup, write_cameras

    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    lens = np.array([-0.3, 0.1, 1e-3, -2e-3, 0.05])
    one = Camera("a", (640, 480), matrix, lens, np.zeros(3), np.array([0.0, 0, 4]))
    two = Camera("b", (640, 480), matrix, lens, np.array([0.1, 0.4, 0]), np.array([1.0, 0, 4]))
    (CORPUS / "cameras").mkdir(parents=True)
    for name, file in (("pose2sim", "pose2sim.toml"), ("anipose", "anipose.toml"), ("panoptic", "panoptic.json")):
        write_cameras(CameraGroup((one, two)), CORPUS / "cameras" / file, format=name)
    write_cameras(CameraGroup((one,)), CORPUS / "folder", format="openpose")
    (CORPUS / "folder" / "a.xml").rename(CORPUS / "cameras" / "openpose.xml")
    (CORPUS / "folder").rmdir()
    put(
        "cameras/qualisys.qca.txt",
        """<?xml version='1.0' encoding='ASCII'?>
<calibration created="2024-01-02"><cameras><camera active="1" serial="24025" viewrotation="0">
<fov_video left="0" top="0" right="639" bottom="479"/>
<transform x="100" y="200" z="300" r11="1" r12="0" r13="0" r21="0" r22="1" r23="0" r31="0" r32="0" r33="1"/>
<intrinsic focalLengthU="32000" focalLengthV="32000" centerPointU="20480" centerPointV="15360" skew="0"
 radialDistortion1="-0.1" radialDistortion2="0.1" radialDistortion3="0" tangentalDistortion1="0"
 tangentalDistortion2="0"/></camera></cameras></calibration>
""",
    )
    places = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (4, 6)]
    rows = [f"a,{320 + 500 * x / z},{240 + 500 * y / z},{x},{y},{z}" for x, y, z in places]
    put("points/points.csv", "\n".join(["camera,x_px,y_px,x_m,y_m,z_m", *rows]) + "\n")


def tables() -> None:
    put("times/times.txt", "0.0\n0.04\n0.08\n")
    put("zones/zones.json", '{"door": [[0, 0], [4, 0], [4, 4]], "desk": {"corners": [[1, 1], [2, 1], [2, 2]], '
        '"joint": "mid_ankle"}}')  # fmt: skip
    put(
        "edits/edits.csv", "action,person,other,frame,decision\nmerge,1,2,,\nsplit,1,,30,\nrename,1,Anna,,\ndrop,2,,,\n"
    )
    put("groups/groups.csv", "recording,person,group\nwalk,1,control\nwalk,2,treated\n")
    rng = np.random.default_rng(0)
    (CORPUS / "sequences").mkdir(parents=True)
    np.savez_compressed(
        CORPUS / "sequences" / "clips.npz", joints=rng.normal(size=(12, 17, 2)).astype(np.float32),
        offsets=np.array([0, 5, 12]), labels=np.array([0, 1]), classes=np.array(["walk", "sit"]),
        joint_names=np.array(COCO_17.joints), fps=np.array(25.0), groups=np.array([0, 1]),
    )  # fmt: skip
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 1, "keypoints": list(COCO_17.joints), "skeleton": [[1, 2]]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "keypoints": [5, 6, 2] * 17, "num_keypoints": 17,
                         "bbox": [1, 2, 30, 40], "area": 1200, "iscrowd": 0}],
    }  # fmt: skip
    put("coco_truth/coco.json", json.dumps(coco))
    put("annotations/coco.json", json.dumps(coco))


def field(number: int, value: bytes | int) -> bytes:
    """A field of protocol buffers."""

    def varint(rest: int) -> bytes:
        digits = bytearray()
        while rest >= 0x80:
            digits.append(rest & 0x7F | 0x80)
            rest >>= 7
        return bytes([*digits, rest])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def networks() -> None:
    values = np.arange(6, dtype="<f4").tobytes()
    blob = field(7, field(1, b"\2\3")) + field(5, values)
    put("convert/net.caffemodel", field(1, b"net") + field(100, field(1, b"conv1") + field(7, blob)))
    tensor = field(1, 1) + field(2, field(2, field(1, 2)) + field(2, field(1, 3))) + field(4, values)
    node = field(1, b"weight") + field(2, b"Const") + field(5, field(1, b"value") + field(2, field(8, tensor)))
    put("constants/graph.pb", field(1, node) + field(4, field(1, 27)))
    state = {"state_dict": {"module.conv.weight": torch.zeros(2, 3, 1, 1), "module.conv.bias": torch.zeros(2)}}
    torch.save(state, CORPUS / "convert" / "zip.pth")
    torch.save(state, CORPUS / "convert" / "old.pth", _use_new_zipfile_serialization=False)
    (CORPUS / "weights").mkdir()
    save_file({"conv.weight": np.zeros((2, 3, 1, 1), np.float32)}, CORPUS / "weights" / "net.safetensors")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["heat"])], "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["n", 3, "h", "w"])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key="licence", value="none")
    onnx.save(model, str(CORPUS / "weights" / "net.onnx"))
    weight = {"name": "w", "shape": [2, 3], "dtype": "float32"}
    put("tfjs/model.json", json.dumps({"format": "graph-model",
                                       "weightsManifest": [{"paths": ["a.bin"], "weights": [weight]}]}))  # fmt: skip
    card = {"network": "mobilenet_thin", "sha256": hashlib.sha256(b"weights").hexdigest(), "licence": "Apache-2.0",
            "figures": {"ap": 0.3}, "data": {"held_out": "10 images"}, "confidence": {"calibration": None}}  # fmt: skip
    put("card/card.json", json.dumps(card))
    (CORPUS / "checkpoint").mkdir()
    save_file({"network/a": np.zeros(2, np.float32)}, CORPUS / "checkpoint" / "last.safetensors",
              {"state": json.dumps({"step": 3})})  # fmt: skip
    put("tflite/net.tflite", _tflite())


def _tflite() -> bytes:
    """One convolution of 1×1 on an image of 8×8, in the layout of flatbuffers."""
    b = flatbuffers.Builder(1024)

    def ints(start, values):
        start(b, len(values))
        for value in reversed(values):
            b.PrependInt32(value)
        return b.EndVector()

    def offsets(start, values):
        start(b, len(values))
        for value in reversed(values):
            b.PrependUOffsetTRelative(value)
        return b.EndVector()

    buffers = []
    for data in (b"", np.arange(6, dtype="<f4").tobytes(), np.zeros(2, "<f4").tobytes()):
        vector = b.CreateByteVector(data)
        tflite.BufferStart(b)
        tflite.BufferAddData(b, vector)
        buffers.append(tflite.BufferEnd(b))
    tensors = []
    for shape, buffer in (([1, 8, 8, 3], 0), ([2, 1, 1, 3], 1), ([2], 2), ([1, 8, 8, 2], 0)):
        vector, name = ints(tflite.TensorStartShapeVector, shape), b.CreateString(f"tensor{buffer}")
        tflite.TensorStart(b)
        tflite.TensorAddName(b, name)
        tflite.TensorAddShape(b, vector)
        tflite.TensorAddType(b, tflite.TensorType.FLOAT32)
        tflite.TensorAddBuffer(b, buffer)
        tensors.append(tflite.TensorEnd(b))
    tflite.Conv2DOptionsStart(b)
    tflite.Conv2DOptionsAddStrideW(b, 1)
    tflite.Conv2DOptionsAddStrideH(b, 1)
    tflite.Conv2DOptionsAddDilationWFactor(b, 1)
    tflite.Conv2DOptionsAddDilationHFactor(b, 1)
    options = tflite.Conv2DOptionsEnd(b)
    inputs, outputs = ints(tflite.OperatorStartInputsVector, [0, 1, 2]), ints(tflite.OperatorStartOutputsVector, [3])
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, 0)
    tflite.OperatorAddInputs(b, inputs)
    tflite.OperatorAddOutputs(b, outputs)
    tflite.OperatorAddBuiltinOptionsType(b, tflite.BuiltinOptions.Conv2DOptions)
    tflite.OperatorAddBuiltinOptions(b, options)
    node = tflite.OperatorEnd(b)
    all_tensors = offsets(tflite.SubGraphStartTensorsVector, tensors)
    nodes = offsets(tflite.SubGraphStartOperatorsVector, [node])
    ends = ints(tflite.SubGraphStartInputsVector, [0]), ints(tflite.SubGraphStartOutputsVector, [3])
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, all_tensors)
    tflite.SubGraphAddInputs(b, ends[0])
    tflite.SubGraphAddOutputs(b, ends[1])
    tflite.SubGraphAddOperators(b, nodes)
    graph = tflite.SubGraphEnd(b)
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, tflite.BuiltinOperator.CONV_2D)
    tflite.OperatorCodeAddBuiltinCode(b, tflite.BuiltinOperator.CONV_2D)
    code = tflite.OperatorCodeEnd(b)
    codes = offsets(tflite.ModelStartOperatorCodesVector, [code])
    graphs = offsets(tflite.ModelStartSubgraphsVector, [graph])
    held = offsets(tflite.ModelStartBuffersVector, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, held)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def media() -> None:
    """Pictures and films of 64×48."""
    image = np.add.outer(np.arange(48) * 4, np.arange(64) * 2).astype(np.uint8)[..., None].repeat(3, axis=2)
    for suffix in (".png", ".jpg", ".bmp", ".gif", ".webp", ".tiff"):
        done, data = cv2.imencode(suffix, image)
        assert done
        put(f"pictures/a{suffix}", data.tobytes())
    for suffix, codec in ((".mp4", "libx264"), (".mkv", "libx264"), (".avi", "mpeg4"), (".mjpeg", "mjpeg")):
        with av.open(str(CORPUS / "pictures" / f"a{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for k in range(6):
                for packet in stream.encode(av.VideoFrame.from_ndarray(np.roll(image, k * 8, axis=1), format="bgr24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)


def action_models() -> None:
    """One of each kind that is quickly trained, zipped."""
    names = ("walk", "wave", "squat")
    rng = np.random.default_rng(0)
    figures = np.concatenate([rng.normal(0, 20, (24, 13, 2)) + 30 * k for k in range(9)])
    data = make_sequences(
        figures, np.arange(10) * 24, np.arange(9) % 3, names, BODY_13, np.arange(9) // 3, 30.0
    )  # fmt: skip
    kinds = {"logistic": {}, "rules": {}, "rocket": {"kernels": 20}, "forest": {"trees": 3}}
    for kind, settings in kinds.items():
        folder = CORPUS / kind
        train(data, kind, folder, settings=TrainSettings(folds=0), classifier_settings=settings)
        for target in ("action_model", "action_weights")[kind != "rules" :]:
            (CORPUS / target).mkdir(exist_ok=True)
            with zipfile.ZipFile(CORPUS / target / f"{kind}.zip", "w", zipfile.ZIP_DEFLATED) as file:
                for part in ("model.json", "weights.safetensors"):
                    file.write(folder / part, part)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
