"""People -> maps -> people on scenes that can be computed by hand, and on maps that no network should give."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.maps import OPENPOSE_BODY_25, OPENPOSE_COCO, OPENPOSE_MPI, MapLayout, Maps
from pose.parsing import ParserSettings, encode, parse
from pose.people import Person
from pose.skeleton import COCO_17, COCO_18, Skeleton

HEIGHT, WIDTH = 368, 656

# A standing person, neck at (0, 0), pixels.
STANDING = np.array(
    [
        (0, -20), (0, 0), (-16, 0), (-20, 24), (-22, 46), (16, 0), (20, 24), (22, 46),
        (-10, 50), (-11, 84), (-12, 118), (10, 50), (11, 84), (12, 118), (-4, -24), (4, -24), (-9, -22), (9, -22),
    ],
    dtype=np.float32,
)  # fmt: skip


def standing(x: float, y: float, scale: float = 1.5) -> Person:
    points = STANDING * scale + np.array((x, y), dtype=np.float32)
    return Person(np.column_stack([points, np.ones(18)]).astype(np.float32), 1.0, skeleton=COCO_18)


def maps_of(*people: Person) -> Maps:
    return encode(people, OPENPOSE_COCO, HEIGHT, WIDTH)


def from_left(people: list[Person]) -> list[Person]:
    return sorted(people, key=lambda person: float(person.keypoints[1, 0]))


def random_maps(height: int, width: int, seed: int = 0) -> Maps:
    rng = np.random.default_rng(seed)
    heatmaps = rng.random((OPENPOSE_COCO.n_heatmaps, height, width), dtype=np.float32)
    pafs = rng.uniform(-1, 1, (OPENPOSE_COCO.n_pafs, height, width)).astype(np.float32)
    return Maps(heatmaps, pafs, OPENPOSE_COCO)


def constant_maps(value: float, height: int = 46, width: int = 82) -> Maps:
    heatmaps = np.full((OPENPOSE_COCO.n_heatmaps, height, width), value, dtype=np.float32)
    return Maps(heatmaps, np.full((OPENPOSE_COCO.n_pafs, height, width), value, dtype=np.float32), OPENPOSE_COCO)


def test_two_people_come_back_with_all_joints() -> None:
    scene = [standing(150, 120), standing(450, 100)]
    found = from_left(parse(maps_of(*scene)))
    assert len(found) == 2
    for person, true in zip(found, scene, strict=True):
        assert np.abs(person.keypoints[:, :2] - true.keypoints[:, :2]).max() < 0.1
        assert person.keypoints[:, 2].min() > 0.6
        assert 0.6 < person.score <= 1


def test_people_who_touch_are_kept_apart() -> None:
    """A hand on the other's shoulder, close to it but not on it."""
    left, right = standing(200, 120), standing(290, 120)
    left.keypoints[7, :2] = right.keypoints[2, :2] + (-3, 14)
    found = from_left(parse(maps_of(left, right)))
    assert [int(person.visible.sum()) for person in found] == [18, 18]
    assert np.abs(found[0].keypoints[7, :2] - left.keypoints[7, :2]).max() < 2


def test_a_missing_joint_stays_missing() -> None:
    person = standing(150, 120)
    person.keypoints[[4, 10]] = (np.nan, np.nan, 0)
    (found,) = parse(maps_of(person))
    assert np.array_equal(found.visible, person.visible)
    assert np.all(np.isnan(found.keypoints[[4, 10], :2]))
    assert np.all(found.keypoints[[4, 10], 2] == 0)


def test_a_wrist_without_its_elbow_belongs_to_no_one() -> None:
    person = standing(150, 120)
    person.keypoints[3] = (np.nan, np.nan, 0)
    (found,) = parse(maps_of(person))
    assert not found.visible[3]
    assert not found.visible[4]
    assert found.visible.sum() == 16


def test_two_ways_around_a_broken_limb_give_one_person() -> None:
    """Without nose and eyes the ears still hang on the shoulders."""
    person = standing(150, 120)
    person.keypoints[[0, 14, 15]] = (np.nan, np.nan, 0)
    (found,) = parse(maps_of(person))
    assert found.visible.sum() == 15


def test_the_best_are_first_and_max_people_keeps_them() -> None:
    sparse = standing(450, 100)
    sparse.keypoints[8:14] = (np.nan, np.nan, 0)
    maps = maps_of(sparse, standing(150, 120))
    both = parse(maps)
    assert [int(person.visible.sum()) for person in both] == [18, 12]
    assert both[0].score > both[1].score
    (one,) = parse(maps, ParserSettings(max_people=1))
    assert np.array_equal(one.keypoints, both[0].keypoints)


def test_settings_drop_small_parts_and_weak_people() -> None:
    arm = standing(150, 120)
    arm.keypoints[[i for i in range(18) if i not in (2, 3, 4)]] = (np.nan, np.nan, 0)
    maps = maps_of(arm)
    assert len(parse(maps, ParserSettings(min_joints=3))) == 1
    assert parse(maps, ParserSettings(min_joints=4)) == []
    assert parse(maps, ParserSettings(min_score=0.6)) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"peak_threshold": -0.1}, "peak_threshold"),
        ({"limb_threshold": 1.5}, "limb_threshold"),
        ({"max_people": 0}, "max_people"),
        ({"limb_samples": 0}, "limb_samples"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ParserSettings(**settings)  # type: ignore[arg-type] # one of several types


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["heatmaps", "pafs"])
def test_broken_maps_are_an_error(where: str, value: float) -> None:
    maps = maps_of(standing(150, 120))
    getattr(maps, where)[3, 20, 20] = value
    with pytest.raises(ModelError, match="NaN") as error:
        parse(maps)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5, 1.0])
def test_constant_maps_hold_no_one(value: float) -> None:
    assert parse(constant_maps(value)) == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (2, 2), (1, 30), (3, 3), (5, 40)])
def test_tiny_maps_do_no_harm(height: int, width: int) -> None:
    for seed in range(5):
        for person in parse(random_maps(height, width, seed), ParserSettings(min_score=0.0)):
            x, y = person.keypoints[person.visible, :2].T
            assert np.all((x >= -0.5) & (x <= 8 * width - 0.5))
            assert np.all((y >= -0.5) & (y <= 8 * height - 0.5))


def test_maps_of_no_cells_hold_no_one() -> None:
    assert parse(constant_maps(0.0, height=0, width=0)) == []


def test_noise_takes_no_more_candidates_than_allowed() -> None:
    people = parse(random_maps(92, 164), ParserSettings(max_candidates=20, min_joints=1, min_score=0.0))
    seen = np.sum([person.visible for person in people], axis=0)
    assert seen.max() <= 20


def test_read_only_and_strided_maps_parse_like_any_other() -> None:
    maps = maps_of(standing(150, 120), standing(450, 100))
    expected = np.array([person.keypoints for person in parse(maps)])
    last = Maps(
        np.ascontiguousarray(maps.heatmaps.transpose(1, 2, 0)).transpose(2, 0, 1),
        np.ascontiguousarray(maps.pafs.transpose(1, 2, 0)).transpose(2, 0, 1),
        maps.layout,
    )
    assert np.array_equal(np.array([person.keypoints for person in parse(last)]), expected)
    maps.heatmaps.setflags(write=False)
    maps.pafs.setflags(write=False)
    assert np.array_equal(np.array([person.keypoints for person in parse(maps)]), expected)


def test_threads_agree_with_one_after_another() -> None:
    scenes = [maps_of(standing(100 + 20 * i, 110), standing(500 - 10 * i, 120)) for i in range(12)]
    scenes += [random_maps(46, 82, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(parse, scenes))
    for people, maps in zip(together, scenes, strict=True):
        alone = parse(maps)
        assert [p.score for p in people] == [p.score for p in alone]
        for person, same in zip(people, alone, strict=True):
            assert np.array_equal(person.keypoints, same.keypoints, equal_nan=True)


def grid_of_people(n_columns: int, n_rows: int, scale: float) -> list[Person]:
    """As close as their arms allow."""
    return [
        standing((i + 0.75) * 48 * scale, (j + 0.25) * 150 * scale, scale)
        for i in range(n_columns)
        for j in range(n_rows)
    ]


@pytest.mark.parametrize(("n_columns", "n_rows"), [(12, 1), (25, 4), (40, 5)])
def test_crowds_are_counted(n_columns: int, n_rows: int) -> None:
    crowd = grid_of_people(n_columns, n_rows, scale=1.0)
    found = parse(encode(crowd, OPENPOSE_COCO, 150 * n_rows + 40, 48 * n_columns + 40))
    assert len(found) == n_columns * n_rows
    assert all(person.visible.all() for person in found)


BODY = dict(zip(COCO_18.joints, STANDING.tolist(), strict=True)) | {
    "mid_hip": (0, 50), "head": (0, -44), "chest": (0, 25), "left_big_toe": (22, 124), "left_small_toe": (28, 122),
    "left_heel": (10, 126), "right_big_toe": (-22, 124), "right_small_toe": (-28, 122), "right_heel": (-10, 126),
}  # fmt: skip


@pytest.mark.parametrize(
    "layout",
    [OPENPOSE_COCO, OPENPOSE_BODY_25, OPENPOSE_MPI, replace(OPENPOSE_BODY_25, stride=4)],
    ids=lambda layout: f"{layout.skeleton.name}, stride {layout.stride}",
)
def test_people_of_every_layout_come_back(layout: MapLayout) -> None:
    body = np.array([BODY[joint] for joint in layout.skeleton.joints])
    scene = [
        Person(np.column_stack([scale * body + (x, 150), np.ones(len(body))]).astype(np.float32), 1.0,
               skeleton=layout.skeleton)
        for x, scale in ((120, 1.5), (330, 1.8))
    ]  # fmt: skip
    found = from_left(parse(encode(scene, layout, 400, 480)))
    assert len(found) == 2
    for person, truth in zip(found, scene, strict=True):
        assert person.skeleton is layout.skeleton
        np.testing.assert_allclose(person.keypoints[:, :2], truth.keypoints[:, :2], atol=1)


@pytest.mark.parametrize("layout", [OPENPOSE_COCO, OPENPOSE_BODY_25, OPENPOSE_MPI], ids=lambda it: it.skeleton.name)
def test_every_field_has_channels_of_its_own(layout: MapLayout) -> None:
    assert sorted(channel for pair in layout.limb_channels for channel in pair) == list(range(layout.n_pafs))


def test_a_layout_of_too_many_joints_is_refused() -> None:
    names = tuple(f"j{i}" for i in range(65))
    layout = MapLayout(Skeleton("centipede", names, ((names[0], names[1]),), (0.1,) * 65), ((0, 1),))
    maps = Maps(np.zeros((66, 4, 4), dtype=np.float32), np.zeros((2, 4, 4), dtype=np.float32), layout)
    with pytest.raises(ValueError, match="64 joints"):
        parse(maps)


def test_encode_draws_one_lit_joint_where_it_is() -> None:
    """The centre of cell (3, 5) is pixel (27.5, 43.5)."""
    points = np.full((18, 3), np.nan, dtype=np.float32)
    points[:, 2] = 0
    points[0] = (27.5, 43.5, 1)
    maps = encode([Person(points, 1.0, skeleton=COCO_18)], OPENPOSE_COCO, 80, 64)
    assert maps.heatmaps.shape == (19, 10, 8)
    assert maps.heatmaps[0].argmax() == 5 * 8 + 3
    assert maps.heatmaps[0, 5, 3] == 1
    assert maps.heatmaps[0, 5, 4] == pytest.approx(np.exp(-0.5 * (8 / 7) ** 2))
    assert maps.heatmaps[18, 5, 3] == 0
    assert not maps.heatmaps[1:18].any()
    assert not maps.pafs.any()


def test_encode_averages_fields_where_limbs_cross() -> None:
    points = np.full((2, 18, 3), np.nan, dtype=np.float32)
    points[:, :, 2] = 0
    points[0, 2], points[0, 3] = (10, 40, 1), (70, 40, 1)  # right upper arm along x
    points[1, 2], points[1, 3] = (40, 10, 1), (40, 70, 1)  # and one along y
    maps = encode([Person(p, 1.0, skeleton=COCO_18) for p in points], OPENPOSE_COCO, 80, 80)
    x, y = OPENPOSE_COCO.limb_channels[COCO_18.limbs.index(("right_shoulder", "right_elbow"))]
    assert maps.pafs[[x, y], 4, 4] == pytest.approx([0.5, 0.5])
    assert maps.pafs[[x, y], 4, 7] == pytest.approx([1, 0])
    assert maps.pafs[[x, y], 7, 4] == pytest.approx([0, 1])


def test_encode_draws_what_the_formulas_say_in_every_cell() -> None:
    """Also where people overlap, leave the image or have a joint twice; the reference looks at every cell."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-30, 130, (4, 18, 2))
    points[1, 4] = points[1, 3]
    points[rng.random((4, 18)) < 0.2] = np.nan
    with_confidence = np.dstack([points, np.ones((4, 18))]).astype(np.float32)
    maps = encode([Person(p, 1.0, skeleton=COCO_18) for p in with_confidence], OPENPOSE_COCO, 96, 80)
    cells = (with_confidence[..., :2].astype(np.float64) + 0.5) / 8 - 0.5
    row, column = np.mgrid[:12, :10]
    for joint in range(18):
        distances = [(column - x) ** 2 + (row - y) ** 2 for x, y in cells[:, joint] if np.isfinite(x)]
        expected = np.exp(-0.5 * (8 / 7) ** 2 * np.min([np.full((12, 10), 1e9), *distances], axis=0))
        assert np.abs(maps.heatmaps[joint] - expected).max() < 1e-6
    for (a, b), channels in zip(COCO_18.limb_indices, OPENPOSE_COCO.limb_channels, strict=True):
        total, drawn = np.zeros((2, 12, 10)), np.zeros((12, 10))
        for start, end in zip(cells[:, a], cells[:, b], strict=True):
            length = np.hypot(*(end - start))
            if length > 0:  # and no NaN
                ux, uy = (end - start) / length
                along, across = ((column - start[0]) * p + (row - start[1]) * q for p, q in ((ux, uy), (uy, -ux)))
                covered = (along >= -1) & (along <= length + 1) & (np.abs(across) <= 1)
                total += np.array([ux, uy])[:, None, None] * covered
                drawn += covered
        assert np.abs(maps.pafs[list(channels)] - total / np.maximum(drawn, 1)).max() < 1e-6


def test_encode_refuses_people_of_another_layout() -> None:
    with pytest.raises(ValueError, match=r"\(18, 3\)"):
        encode([Person(np.zeros((17, 3), dtype=np.float32), 1.0, skeleton=COCO_17)], OPENPOSE_COCO, 80, 80)


def test_no_people_are_drawn_and_found() -> None:
    assert parse(encode([], OPENPOSE_COCO, 80, 80)) == []


def legs(x: float, y: float, apart: float = 24) -> Person:
    """From the hips down."""
    person = standing(x, y)
    person.keypoints[[0, 1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17]] = (np.nan, np.nan, 0)
    person.keypoints[8:11, 0] -= apart / 2
    person.keypoints[11:14, 0] += apart / 2
    return person


def test_legs_whose_body_is_not_in_the_picture_are_one_person() -> None:
    (found,) = parse(maps_of(legs(300, 60, apart=0)))
    assert found.visible.sum() == 6
    three = parse(maps_of(legs(120, 60, apart=0), legs(300, 60, apart=0), legs(480, 60, apart=0)))
    assert [int(person.visible.sum()) for person in three] == [6, 6, 6]


def test_legs_far_apart_are_those_of_two_people() -> None:
    found = parse(maps_of(legs(300, 60, apart=70)))
    assert [int(person.visible.sum()) for person in found] == [3, 3]


def test_legs_go_to_no_body_that_has_its_own() -> None:
    """The hips of the one beside are the nearest."""
    found = parse(maps_of(standing(300, 60), legs(348, 60, apart=0)))
    assert [int(person.visible.sum()) for person in found] == [18, 6]


@pytest.mark.parametrize(("reach", "joints"), [(1.0, 18), (2.0, 18), (6.0, 17)])
def test_no_limb_reaches_across_the_picture(reach: float, joints: int) -> None:
    """A forearm drawn so many times as long; whoever stands between is no hindrance to the field."""
    one, other = standing(80, 100), standing(200, 100)
    one.keypoints[7, :2] = one.keypoints[6, :2] + (33 * reach, 10)
    found = from_left(parse(maps_of(one, other)))
    assert [int(person.visible.sum()) for person in found] == [joints, 18]


def test_a_small_body_keeps_all_its_limbs() -> None:
    """15 pixels high: two cells, where lengths are known to a third."""
    (found,) = parse(maps_of(standing(300, 180, scale=0.11)))
    assert found.visible.sum() == 18


@pytest.mark.parametrize("beyond", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("side", ["left", "right", "bottom"])
def test_confidence_at_the_border_is_the_height_of_the_heatmap(side: str, beyond: float) -> None:
    """Half a cell and more from the last cell's centre, where the apex lies outside of the map."""
    person = standing(300, 120)
    rightmost = person.keypoints[7, 0]
    bottom = person.keypoints[13, 1]
    x = {"left": -beyond - person.keypoints[4, 0], "right": WIDTH - 1 + beyond - rightmost, "bottom": 0}[side]
    person.keypoints[:, :2] += x, (HEIGHT - 1 + beyond - bottom if side == "bottom" else 0)
    joint = {"left": 4, "right": 7, "bottom": 13}[side]
    maps = maps_of(person)
    (found,) = parse(Maps(maps.heatmaps * np.float32(0.5), maps.pafs, maps.layout))
    inside = maps.heatmaps[joint].max() * 0.5
    assert inside <= found.keypoints[joint, 2] <= 1.3 * inside  # along the border the apex lies between two cells
    assert found.keypoints[joint, 2] < 0.5


@pytest.fixture(scope="module")
def real_maps(sample_video: Path) -> list[Maps]:
    """Of six frames of the sample video."""
    import cv2

    from pose.preprocess import fit, letterbox
    from pose.weights.zoo import load_backend

    backend = load_backend(device="cpu")
    video = cv2.VideoCapture(str(sample_video))
    canvases = []
    for i in range(160):
        image = video.read()[1]
        if i >= 60 and i % 20 == 0:
            canvases.append(letterbox(image, fit(image.shape[:2]))[0])
    video.release()
    return backend.infer(np.stack(canvases))


def test_joints_stay_close_to_a_densely_upsampled_reference(real_maps: list[Maps]) -> None:
    """Half a pixel in the median, 1.5 in nine of ten, from the ×8 cubic upsampled maps' refined maxima."""
    errors = np.concatenate([_distance_to_reference(maps) for maps in real_maps])
    assert len(errors) > 100
    assert np.median(errors) <= 0.5
    assert np.quantile(errors, 0.9) <= 1.5


def _distance_to_reference(maps: Maps) -> NDArray[np.float64]:
    """Pixels from each joint found to the maximum around it; a pixel of the ×8 map is one of the network's input."""
    import cv2

    def vertex(before: float, at: float, after: float) -> float:
        return 0.5 * (before - after) / (before - 2 * at + after)

    distances = []
    for person in parse(maps):
        for joint in np.flatnonzero(person.visible):
            dense = cv2.resize(maps.heatmaps[joint], None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
            x, y = person.keypoints[joint, :2].astype(float)
            left, top = max(round(x) - 8, 1), max(round(y) - 8, 1)
            near = dense[top : round(y) + 9, left : round(x) + 9]
            row, column = np.unravel_index(near.argmax(), near.shape)
            row, column = int(row) + top, int(column) + left
            if row + 1 < len(dense) and column + 1 < dense.shape[1]:
                true_x = column + vertex(*dense[row, column - 1 : column + 2].astype(float))
                true_y = row + vertex(*dense[row - 1 : row + 2, column].astype(float))
                distances.append(np.hypot(true_x - x, true_y - y))
    return np.array(distances)


def test_the_first_compilation_is_announced_and_the_second_is_not(tmp_path: Path) -> None:
    script = "from pose.parsing import prepare_parser; prepare_parser(print)"
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert said[0].count("\n") == 1
    assert "compiling the parser" in said[0]
    assert said[1] == ""


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same() -> None:
    """As for a user without a folder of his own, where the package is the administrator's."""
    code = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []\n"
        "import pose.parsing, behavior.recognition.classifiers.rocket\n"
        "from pose.compiled import compiled\n"
        "print(compiled()(lambda: 7)())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr
