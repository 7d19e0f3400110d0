"""Looks at one scene, mirrored and at another size, merged into one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.averaging import merge, mirror
from pose.maps import OPENPOSE_COCO, MapLayout, Maps
from pose.parsing import encode, parse
from pose.people import Person
from pose.skeleton import COCO_18, Skeleton

HEIGHT, WIDTH = 184, 240


def scene() -> NDArray[np.float32]:
    """One person, an arm up, so that left and right differ."""
    points = [
        (120, 40), (120, 60), (100, 60), (95, 90), (93, 118), (140, 60), (160, 40), (182, 22), (108, 112),
        (106, 140), (105, 170), (132, 112), (135, 140), (136, 170), (115, 35), (125, 35), (109, 38), (131, 38),
    ]  # fmt: skip
    return np.column_stack([np.array(points, dtype=np.float32), np.ones(18, dtype=np.float32)])


def look(keypoints: NDArray[np.float32], scale_x: float = 1, scale_y: float = 1) -> Maps:
    """The scene drawn at another size."""
    sized = keypoints.copy()
    sized[:, :2] = (keypoints[:, :2] + 0.5) * (scale_x, scale_y) - 0.5
    return encode(
        [Person(sized, 1.0, skeleton=COCO_18)], OPENPOSE_COCO, round(HEIGHT * scale_y), round(WIDTH * scale_x)
    )


def mirrored(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    swapped = keypoints[COCO_18.mirror_indices]
    swapped[:, 0] = WIDTH - 1 - swapped[:, 0]
    return swapped


def test_mirror_makes_a_flipped_look_a_plain_one() -> None:
    plain, flipped = look(scene()), look(mirrored(scene()))
    assert not np.allclose(plain.heatmaps, flipped.heatmaps, atol=0.1)
    assert np.allclose(mirror(flipped).heatmaps, plain.heatmaps, atol=1e-5)
    assert np.allclose(mirror(flipped).pafs, plain.pafs, atol=1e-5)


def test_mirror_twice_is_nothing() -> None:
    maps = look(scene())
    assert np.array_equal(mirror(mirror(maps)).pafs, maps.pafs)


def test_mirror_refuses_a_layout_without_the_other_side() -> None:
    skeleton = Skeleton("arm", ("neck", "left_wrist", "right_wrist"), (("neck", "left_wrist"),), (0.1,) * 3)
    layout = MapLayout(skeleton, ((0, 1),))
    maps = Maps(np.zeros((4, 2, 2), dtype=np.float32), np.zeros((2, 2, 2), dtype=np.float32), layout)
    with pytest.raises(ValueError, match="mirror image"):
        mirror(maps)


def test_merging_equal_looks_changes_nothing() -> None:
    maps = look(scene())
    merged = merge([maps, maps], [(0.5, 0.5), (0.5, 0.5)])
    assert np.allclose(merged.heatmaps, maps.heatmaps, atol=1e-6)
    assert np.allclose(merged.pafs, maps.pafs, atol=1e-6)
    assert merged.heatmaps.dtype == np.float32


@pytest.mark.parametrize(("scale_x", "scale_y"), [(1.5, 1.5), (2, 2), (1.5, 1.25)])
def test_merging_sizes_keeps_every_joint_in_place(scale_x: float, scale_y: float) -> None:
    small, large = look(scene()), look(scene(), scale_x, scale_y)
    for looks, scales, factor in (
        ([small, large], [(1, 1), (scale_x, scale_y)], (1, 1)),
        ([large, small], [(scale_x, scale_y), (1, 1)], (scale_x, scale_y)),
    ):
        merged = merge(looks, scales)
        assert merged.heatmaps.shape == looks[0].heatmaps.shape
        (person,) = parse(merged)
        found = (person.keypoints[:, :2] + 0.5) / factor - 0.5
        assert np.abs(found - scene()[:, :2]).max() < 0.5


def test_merge_wants_one_scale_per_look() -> None:
    with pytest.raises(ValueError, match="one scale per look"):
        merge([look(scene())], [])
    with pytest.raises(ValueError, match="at least one"):
        merge([], [])
