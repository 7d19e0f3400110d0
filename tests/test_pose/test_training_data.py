"""What training learns from: annotations, views of images, targets and masks, a teacher's labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from pose.errors import TrainingError
from pose.maps import CPM_BODY, OPENPOSE_COCO, OPENPOSE_FACE, OPENPOSE_HAND, BeliefLayout, BeliefMaps
from pose.parsing.beliefs import find_joints
from pose.people import Person
from pose.refine.crops import crop_of
from pose.skeleton import COCO_17, COCO_18, CPM_14
from pose.training.augment import OF_ONE, PLAIN, AugmentSettings, disturb, draw_view
from pose.training.batches import AnnotatedImages, crops_of, drawn
from pose.training.datasets import (
    LSP_JOINTS,
    MPII_JOINTS,
    Dataset,
    Findings,
    Sample,
    read_annotations,
    split,
    to_coco,
    to_skeleton,
)  # fmt: skip
from pose.training.distillation import TeacherSettings, fill_in, label
from pose.training.rendered import render_dataset
from pose.training.targets import TargetSettings, draw_targets

ALL = np.ones(18, dtype=bool)
BODY = {
    "head": (0, -78), "neck": (0, -54), "right_shoulder": (-20, -40), "right_elbow": (-42, -14),
    "right_wrist": (-44, 14), "left_shoulder": (20, -40), "left_elbow": (42, -14), "left_wrist": (44, 14),
    "right_hip": (-12, 8), "right_knee": (-13, 44), "right_ankle": (-14, 80), "left_hip": (12, 8),
    "left_knee": (13, 44), "left_ankle": (14, 80),
}  # fmt: skip


def a_sample(keypoints: Any = None, **others: Any) -> Sample:
    points = np.full((1, 18, 2), np.nan, np.float32) if keypoints is None else np.asarray(keypoints, np.float32)
    n = len(points)
    values: dict[str, Any] = {
        "path": Path("image.png"), "image_id": 1, "size": (80, 120), "keypoints": points,
        "boxes": np.tile(np.array([[20, 10, 60, 70]], np.float32), (n, 1)), "areas": np.full(n, 900, np.float32),
        "ignore": np.empty((0, 4), np.float32),
    }  # fmt: skip
    return Sample(**values | others)


def coco(folder: Path, **changes: Any) -> Path:
    """Two images; an ordinary person, one without joints, a crowd, one of another skeleton, one half outside."""
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((80, 120, 3), np.uint8))
    (folder / "text.png").write_text("no image")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:60])
    points = np.column_stack([np.linspace(10, 50, 17), np.linspace(10, 70, 17), np.full(17, 2)])
    outside = points.copy()
    outside[:3, 0] += 500
    person = {"category_id": 1, "iscrowd": 0, "bbox": [10, 10, 40, 60], "area": 900.0}
    content = {
        "images": [
            {"id": 1, "file_name": "a.png", "height": 80, "width": 120},
            {"id": 2, "file_name": "b.png", "height": 80, "width": 120, "complete": False},
            {"id": 3, "file_name": "gone.png", "height": 80, "width": 120},
            {"id": 4, "file_name": "text.png"},
            {"id": 5, "file_name": "cut.png", "height": 80, "width": 120},
        ],
        "annotations": [
            person | {"image_id": 1, "keypoints": points.ravel().tolist()},
            person | {"image_id": 1, "keypoints": [0] * 51},
            person | {"image_id": 1, "iscrowd": 1, "keypoints": [0] * 51, "bbox": [60, 0, 20, 20]},
            person | {"image_id": 2, "keypoints": [1, 2, 2]},
            person | {"image_id": 2, "keypoints": outside.ravel().tolist()},
            person | {"image_id": 9, "keypoints": points.ravel().tolist()},
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
    }
    (folder / "coco.json").write_text(json.dumps(content | changes))
    return folder / "coco.json"


def test_coco_is_read_and_what_can_not_be_used_is_counted_and_named(tmp_path: Path) -> None:
    data = read_annotations(coco(tmp_path), tmp_path, COCO_18)
    assert [(s.path.name, len(s.keypoints), len(s.ignore), s.complete) for s in data.samples] == [
        ("a.png", 1, 2, True), ("b.png", 1, 1, False),
    ]  # fmt: skip
    assert data.findings.counts == {
        "people without joints": 1, "people of another skeleton": 1, "joints outside the image": 3,
        "missing images": 1, "unreadable images": 2, "people of images that are not listed": 1,
    }  # fmt: skip
    assert "1 missing images (first: gone.png)" in data.summary()
    assert data.known.all()
    first = data.samples[0].keypoints[0]
    shoulders = first[[COCO_18.index("left_shoulder"), COCO_18.index("right_shoulder")]]
    assert first[COCO_18.index("neck")] == pytest.approx(shoulders.mean(axis=0))
    assert np.isnan(data.samples[1].keypoints[0, COCO_18.index("nose")]).all()


def test_what_is_written_as_coco_is_read_again(tmp_path: Path) -> None:
    data = read_annotations(coco(tmp_path), tmp_path, COCO_18)
    (tmp_path / "again.json").write_text(json.dumps(to_coco(data.samples, COCO_18)))
    again = read_annotations(tmp_path / "again.json", tmp_path, COCO_18)
    for one, other in zip(data.samples, again.samples, strict=True):
        assert one.keypoints == pytest.approx(other.keypoints, abs=0.01, nan_ok=True)
        assert one.ignore == pytest.approx(other.ignore, abs=0.01)
        assert one.complete == other.complete


def test_mpii_people_of_one_image_are_together(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((300, 300, 3), np.uint8))
    joints = np.column_stack([np.linspace(50, 200, 16), np.linspace(60, 250, 16)])
    visible = np.ones(16)
    visible[MPII_JOINTS.index("left_ankle")] = 0
    person = {"image": "one.png", "joints": joints.tolist(), "joints_vis": visible.tolist(), "center": [120, 150],
              "scale": 1.0}  # fmt: skip
    (tmp_path / "mpii.json").write_text(json.dumps([person, person]))
    [sample] = read_annotations(tmp_path / "mpii.json", tmp_path, CPM_14).samples
    assert len(sample.keypoints) == 2
    points = dict(zip(CPM_14.joints, sample.keypoints[0], strict=True))
    assert points["neck"] == pytest.approx(joints[MPII_JOINTS.index("upper_neck")] - 1)  # not between the shoulders
    assert points["head"] == pytest.approx(joints[MPII_JOINTS.index("head_top")] - 1)
    assert np.isnan(points["left_ankle"]).all()
    assert sample.boxes[0] == pytest.approx([20, 50, 220, 250])
    data = read_annotations(tmp_path / "mpii.json", tmp_path, COCO_18)
    assert "not annotated, so not learnt: nose, right_eye, left_eye, right_ear, left_ear" in data.summary()


@pytest.mark.parametrize(("extended", "name"), [(False, "im0001.jpg"), (True, "im00001.jpg")])
def test_lsp_is_read_in_both_of_its_forms(tmp_path: Path, extended: bool, name: str) -> None:
    cv2.imwrite(str(tmp_path / name), np.zeros((150, 100, 3), np.uint8))
    joints = np.random.default_rng(0).uniform(20, 80, (1, 14, 3))
    joints[0, LSP_JOINTS.index("right_knee")] = 0
    form = joints.transpose(1, 2, 0) if extended else joints.transpose(2, 1, 0)
    savemat(tmp_path / "joints.mat", {"joints": form})
    [sample] = read_annotations(tmp_path / "joints.mat", tmp_path, CPM_14).samples
    head = sample.keypoints[0, CPM_14.index("head")]
    assert head == pytest.approx(joints[0, LSP_JOINTS.index("head_top"), :2] - 1, abs=1e-4)
    assert np.isnan(sample.keypoints[0, CPM_14.index("right_knee")]).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("{}", "not in COCO's keypoints form"),
        ('[{"image": "a.png"}]', "not in MPII's JSON form"),
        ("[]", "nothing to learn from; it names no people"),
        ("[" * 100_000, "not JSON"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "keypoints": [1, 2]}]}', "names of joints"),
        ('{"images": [{"id": 1, "file_name": "%s"}], "annotations": []}' % ("a" * 300), "1 missing images"),
        ('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "bbox": [NaN, 1, 2, 3]}]}',
         "a.png: a person's box from"),
        (json.dumps([{"image": "a.png", "joints": [[1, 1]] * 16, "joints_vis": [[1]] * 16}]), "another skeleton"),
    ],
)  # fmt: skip
def test_other_files_are_told_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "some.json").write_text(content)
    with pytest.raises(TrainingError, match=said) as caught:
        read_annotations(tmp_path / "some.json", tmp_path, COCO_18)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 10, 100, 200])
def test_a_cut_file_of_lsp_is_told_in_one_line(length: int, tmp_path: Path) -> None:
    savemat(tmp_path / "joints.mat", {"joints": np.zeros((3, 14, 1))})
    (tmp_path / "cut.mat").write_bytes((tmp_path / "joints.mat").read_bytes()[:length])
    with pytest.raises(TrainingError, match=r"not LSP's joints\.mat") as caught:
        read_annotations(tmp_path / "cut.mat", tmp_path, CPM_14)
    assert "\n" not in str(caught.value)


def test_things_that_have_no_joints_are_nobody(tmp_path: Path) -> None:
    content = json.loads(coco(tmp_path).read_text())
    content["categories"].append({"id": 2, "name": "dog"})
    content["annotations"].append({"image_id": 1, "category_id": 2, "bbox": [0, 0, 50, 50]})
    data = read_annotations(coco(tmp_path, **content), tmp_path, COCO_18)
    assert len(data.samples[0].ignore) == 2  # one without joints and a crowd
    assert data.findings.counts["annotations of categories without joints"] == 1


def test_nothing_left_and_no_known_joint_stop_before_it_starts(tmp_path: Path) -> None:
    file = coco(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(TrainingError, match=r"nothing to learn from; .*5 missing images \(first: a\.png\)"):
        read_annotations(file, tmp_path / "elsewhere", COCO_18)
    with pytest.raises(TrainingError, match="no such folder"):
        read_annotations(file, tmp_path / "nowhere", COCO_18)
    kinds = [{"id": 1, "keypoints": ["tail"]}]
    with pytest.raises(TrainingError, match="none of its joints"):
        read_annotations(coco(tmp_path, categories=kinds), tmp_path, COCO_18)


def test_names_of_joints_decide_and_not_their_order() -> None:
    names = tuple(reversed(COCO_17.joints))
    points = np.arange(34, dtype=float).reshape(1, 17, 2)
    found, known = to_skeleton(points, names, COCO_18)
    assert found[0, COCO_18.index("left_ankle")].tolist() == points[0, names.index("left_ankle")].tolist()
    assert known.all()


def test_a_split_is_drawn_once_and_for_all() -> None:
    samples = [a_sample(image_id=i) for i in range(20)]
    learnt, held = split(samples, 0.2, seed=1)
    assert len(held) == 4
    assert {s.image_id for s in learnt}.isdisjoint(s.image_id for s in held)
    assert [s.image_id for s in split(samples, 0.2, seed=1)[1]] == [s.image_id for s in held]
    assert split(samples, 0.0)[1] == []


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_mark_stays_under_its_joint(seed: int) -> None:
    """A white dot is drawn at a joint of a black image: in every view it is where the moved joint says."""
    rng = np.random.default_rng(seed)
    height = int(rng.integers(60, 500))
    width = int(height * rng.uniform(0.7, 1.5))
    point = rng.uniform(0.3, 0.7, 2) * (width, height)
    joint = COCO_18.index("left_wrist")
    keypoints = np.full((1, 18, 2), np.nan, np.float32)
    keypoints[0, joint] = point
    box = np.array([[*(point - 20), *(point + 20)]], np.float32)
    view = draw_view(rng, a_sample(keypoints, size=(height, width), boxes=box), (96, 128), AugmentSettings())
    spread = 3 / np.sqrt(abs(np.linalg.det(view.matrix[:, :2])))  # 3 pixels in the view
    row, column = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = (255 * np.exp(-((column - point[0]) ** 2 + (row - point[1]) ** 2) / (2 * spread**2)))[..., None]
    moved = view.keypoints(keypoints, COCO_18.mirror_indices)
    seen = np.flatnonzero(np.isfinite(moved[0, :, 0])).tolist()
    assert seen == [COCO_18.index("right_wrist") if view.mirrored else joint]
    x, y = moved[0, seen[0]]
    if 12 < x < 115 and 12 < y < 83:
        mark = view.image(image)[..., 0].astype(float) - view.image(np.zeros_like(image))[..., 0]
        rows, columns = np.indices(mark.shape)
        found = np.array([(columns * mark).sum(), (rows * mark).sum()]) / mark.sum()
        assert np.abs(found - (x, y)).max() < 0.1


def test_disturbing_an_image_moves_nothing_and_depends_on_the_seed_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    one, other, third = (disturb(np.random.default_rng(s), image.copy(), AugmentSettings()) for s in (5, 5, 6))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)
    assert np.array_equal(disturb(np.random.default_rng(5), image.copy(), PLAIN), image)


def test_targets_are_the_encoders_and_ignored_people_are_not_learnt() -> None:
    keypoints = np.full((1, 18, 2), np.nan)
    keypoints[0, 2], keypoints[0, 3] = (30, 30), (54, 30)
    sample = a_sample(keypoints, ignore=np.array([[80, 0, 119, 79]], np.float32))
    view = draw_view(np.random.default_rng(0), sample, (80, 120), PLAIN)
    targets, masks = draw_targets(sample, view, ALL, OPENPOSE_COCO, TargetSettings())
    assert targets["heatmaps"].shape == masks["heatmaps"].shape == (19, 10, 15)
    assert np.unravel_index(targets["heatmaps"][2].argmax(), (10, 15)) == (3, 3)
    assert (masks["heatmaps"][:, :, 11:] == 0).all()
    assert (masks["pafs"][:, :, 11:] == 0).all()
    assert (masks["heatmaps"][:, :, :9] == 1).all()


def test_a_person_inside_an_ignored_box_is_still_learnt() -> None:
    keypoints = np.full((1, 18, 2), np.nan)
    keypoints[0, 2] = 100, 40
    sample = a_sample(keypoints, ignore=np.array([[80, 0, 119, 79]], np.float32))
    view = draw_view(np.random.default_rng(0), sample, (80, 120), PLAIN)
    _, masks = draw_targets(sample, view, ALL, OPENPOSE_COCO, TargetSettings())
    assert masks["heatmaps"][2, 5, 12] == 1
    assert masks["heatmaps"][3, 5, 12] == 0


def test_outside_of_people_nothing_is_learnt_of_incomplete_images() -> None:
    sample = a_sample(complete=False)
    view = draw_view(np.random.default_rng(0), sample, (80, 120), PLAIN)
    _, masks = draw_targets(sample, view, ALL, OPENPOSE_COCO, TargetSettings())
    assert (masks["heatmaps"][:, 2:8, 3:7] == 1).all()
    assert (masks["heatmaps"][:, :, 10:] == 0).all()


def test_joints_that_are_not_annotated_are_not_learnt() -> None:
    known = ALL.copy()
    known[COCO_18.index("right_wrist")] = False
    sample = a_sample(np.full((1, 18, 2), 40.0))
    for mirrored in (False, True):
        view = replace(draw_view(np.random.default_rng(0), sample, (80, 120), PLAIN), mirrored=mirrored)
        _, masks = draw_targets(sample, view, known, OPENPOSE_COCO, TargetSettings())
        wrist = COCO_18.index("left_wrist" if mirrored else "right_wrist")
        unknown = np.flatnonzero(~masks["heatmaps"].any(axis=(1, 2))).tolist()
        assert unknown == [wrist, 18]  # and the background
        limb = next(i for i, ends in enumerate(COCO_18.limb_indices) if wrist in ends)
        fields = np.flatnonzero(~masks["pafs"].any(axis=(1, 2))).tolist()
        assert fields == sorted(OPENPOSE_COCO.limb_channels[limb])


def test_a_joint_without_label_is_absent_or_unknown() -> None:
    sample = a_sample()
    view = draw_view(np.random.default_rng(0), sample, (80, 120), PLAIN)
    absent, unknown = (
        draw_targets(sample, view, ALL, OPENPOSE_COCO, TargetSettings(unlabelled=kind))[1]["heatmaps"]
        for kind in ("absent", "unknown")
    )
    assert (absent == 1).all()
    assert (unknown[:, 2:8, 3:7] == 0).all()  # the background, too: it is what no joint covers
    assert (unknown[:, :, 10:] == 1).all()


def people_in_a_row(n: int, seed: int = 0) -> Sample:
    """Somebody with all joints of CPM-14 at each 40 pixels of a wide image."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.uniform((40 * i, 5), (40 * i + 30, 75), (14, 2)) for i in range(n)]).astype(np.float32)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return a_sample(points, size=(80, 40 * n), boxes=boxes)


def of_one(sample: Sample, layout: BeliefLayout = CPM_BODY, **more: Any) -> AnnotatedImages:
    known = more.pop("known", np.ones(len(layout.skeleton), dtype=bool))
    data = Dataset([sample], layout.skeleton, known, Findings(), "made up")
    return AnnotatedImages([data], layout, (96, 96), **more)


@given(seed=st.integers(0, 2**32 - 1), augment=st.sampled_from([PLAIN, OF_ONE]))
@settings(max_examples=40, deadline=None)
def test_what_is_drawn_of_one_person_is_read_back(seed: int, augment: AugmentSettings) -> None:
    """By the parser of beliefs, through the view, from the targets of the later stages."""
    sample = people_in_a_row(3, seed)
    images = of_one(sample, augment=augment, seed=seed)
    assert len(images) == 3
    seen = []
    for number in range(3):
        (targets, _), (_, _, (who, crop), view, _) = images.truth(number), images._view(number)
        [truth] = view.keypoints(sample.keypoints[[who]], CPM_14.mirror_indices)
        inside = ((truth > 3.5) & (truth < 91.5)).all(axis=1)
        assert inside.all() or augment is OF_ONE
        found = find_joints(BeliefMaps(targets["heatmaps"], images.layout))
        assert np.abs(found[inside, :2] - truth[inside]).max(initial=0) < 0.05
        middle = images.middle(number)
        assert middle == pytest.approx(view.points(crop.middle), abs=1e-3)
        assert np.linalg.norm(middle - 47.5) <= (0.1 * 96 * np.sqrt(2) if augment is OF_ONE else 0) + 1e-3
        seen.append(who)
    assert sorted(seen) == [0, 1, 2]


@pytest.mark.parametrize("lying", [False, True])
def test_the_crop_is_the_refiners(lying: bool) -> None:
    keypoints = np.array([[BODY[joint] for joint in CPM_14.joints]], np.float32)
    keypoints = keypoints[..., ::-1] * (1, -1) if lying else keypoints
    sample = a_sample(keypoints + 100, size=(200, 200), boxes=np.array([[40, 0, 160, 200]], np.float32))
    images = of_one(sample, augment=PLAIN)
    person = Person(np.column_stack([sample.keypoints[0], np.ones(14)]).astype(np.float32), 1.0, skeleton=CPM_14)
    crop = crop_of(person, 96, 96)
    assert crop is not None
    assert bool(crop.quarters) == lying
    view = images._view(0)[3]
    assert view.points(sample.keypoints[0]) == pytest.approx(crop.to_crop(sample.keypoints[0]), abs=1e-6)


def test_the_first_stage_sees_everybody_and_the_others_one(tmp_path: Path) -> None:
    sample = replace(people_in_a_row(2), path=tmp_path / "image.png")
    close = replace(sample, keypoints=sample.keypoints - np.array([[[0, 0]], [[30, 0]]], np.float32))
    images = of_one(close, augment=PLAIN)
    cv2.imwrite(str(sample.path), np.zeros((80, 80, 3), np.uint8))
    batch = images.batch(0, 2)
    assert batch.targets.keys() == batch.masks.keys() == {"heatmaps", "first/heatmaps"}
    assert [tuple(part.shape) for part in batch.inputs] == [(2, 3, 96, 96), (2, 2)]
    both, one = (batch.targets[name][0] for name in ("first/heatmaps", "heatmaps"))
    assert (both[:-1] > one[:-1] + 0.5).any(dim=(1, 2)).all()  # of each joint there is another one
    assert (both[:-1] >= one[:-1]).all()


def test_who_is_not_meant_is_nobody_to_later_stages_and_unknown_to_the_first() -> None:
    sample = people_in_a_row(2).alone(0)
    crowd = replace(sample, ignore=np.array([[40, 0, 79, 79]], np.float32))
    for unlabelled in (crowd, replace(sample, complete=False)):
        _, masks = of_one(unlabelled, augment=PLAIN).truth(0)
        assert (masks["heatmaps"] == 1).all()
        assert (masks["first/heatmaps"][:, :, -1] == 0).all()


def test_unlabelled_joints_of_the_one_who_is_meant_follow_the_rules_of_all() -> None:
    sample = people_in_a_row(1)
    sample.keypoints[0, 4] = np.nan
    known = np.ones(14, dtype=bool)
    known[0] = False
    images = of_one(sample, augment=PLAIN, known=known, targets=TargetSettings(unlabelled="unknown"))
    _, masks = images.truth(0)
    for name in ("heatmaps", "first/heatmaps"):
        assert (masks[name][[0, 14]] == 0).all()  # a joint that is never annotated, and the background
        assert (masks[name][4] == 0).any()
        assert (masks[name][5] == 1).all()


def test_who_has_hardly_any_joints_has_no_crop() -> None:
    sample = people_in_a_row(2)
    sample.keypoints[0, 2:] = np.nan
    assert [who for who, _ in crops_of(sample, CPM_14, 96)] == [1]


def test_right_hands_are_not_mirrored_and_faces_are() -> None:
    for layout, mirrored in ((OPENPOSE_HAND, False), (OPENPOSE_FACE, True)):
        points = np.random.default_rng(0).uniform(10, 70, (1, len(layout.skeleton), 2))
        images = of_one(a_sample(points), layout)
        assert any(images._view(number)[3].mirrored for number in range(20)) == mirrored


def test_every_epoch_has_every_sample_once() -> None:
    orders = [[drawn(epoch * 10 + i, 10, seed=3) for i in range(10)] for epoch in range(3)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1]


def test_a_batch_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    data = read_annotations(*render_dataset(tmp_path, 4, (64, 64)), COCO_18)
    one, other = (AnnotatedImages([data], OPENPOSE_COCO, (64, 64), seed=1) for _ in range(2))
    other.batch(0, 2)
    first, again = one.batch(3, 2), other.batch(3, 2)
    assert first.inputs[0].equal(again.inputs[0])
    assert first.targets["pafs"].equal(again.targets["pafs"])
    assert not first.inputs[0].equal(one.batch(2, 2).inputs[0])


def test_an_image_that_is_gone_since_it_was_listed_is_told(tmp_path: Path) -> None:
    data = read_annotations(*render_dataset(tmp_path, 1, (64, 64)), COCO_18)
    data.samples[0].path.write_bytes(b"")
    with pytest.raises(TrainingError, match=r"000001\.jpg: can't be read any more"):
        AnnotatedImages([data], OPENPOSE_COCO, (64, 64)).picture(0)


def a_person(x: float, confidence: float = 0.9, score: float = 0.9) -> Person:
    points = np.column_stack([np.linspace(x, x + 20, 18), np.linspace(10, 70, 18), np.full(18, confidence)])
    return Person(points.astype(np.float32), score)


def test_a_teacher_fills_in_what_annotations_leave_open_and_nothing_else(tmp_path: Path) -> None:
    """Known but for the nose at 20; somebody in an ignored box at 80; one who is annotated as not there."""
    annotated = a_person(20).keypoints[None, :, :2].copy()
    annotated[0, 0] = np.nan
    annotated[0, 5] += 1
    sample = a_sample(annotated, path=tmp_path / "a.png", ignore=np.array([[75, 0, 110, 79]], np.float32))
    cv2.imwrite(str(sample.path), np.zeros((80, 120, 3), np.uint8))
    looked = []

    def detect(image: Any) -> list[Person]:
        looked.append(image.shape)
        return [a_person(20), a_person(80), a_person(50), a_person(85, score=0.1)]

    for _ in range(2):
        labels = label([sample], detect, "teacher 1", COCO_18, tmp_path / "labels.json")
    assert looked == [(80, 120, 3)]  # the second time from the cache
    label([sample], detect, "teacher 2", COCO_18, tmp_path / "labels.json")
    assert len(looked) == 2
    data = read_annotations(coco(tmp_path), tmp_path, COCO_18)
    filled = fill_in(replace(data, samples=[sample]), labels, TeacherSettings()).samples[0]
    assert len(filled.keypoints) == 2
    assert filled.keypoints[0, 0] == pytest.approx([20, 10])
    assert filled.keypoints[0, 5] == pytest.approx(annotated[0, 5])
    assert filled.keypoints[1, 0] == pytest.approx([80, 10])
    assert len(filled.ignore) == 0
    open_ended = replace(data, samples=[replace(sample, complete=False)])
    assert len(fill_in(open_ended, labels).samples[0].keypoints) == 3
