from __future__ import annotations

import numpy as np
import pytest

from behavior.recognition.augment import AugmentSettings, augment, spoil_evenly
from behavior.recognition.bodies import body_of
from behavior.recognition.clips import Clips, LabelledSequences, to_clips
from features.clips import body_scale, clip_statistics, fill, normalise
from pose.layouts import BODY_13, mirror

CALM = AugmentSettings(0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_same_seed_same_copy_and_source_untouched(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    before = clips.points.copy()
    first, second = (augment(clips, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(clips.points, before)
    other = augment(clips, np.random.default_rng(4))
    assert not np.array_equal(first.points, other.points, equal_nan=True)


def test_nothing_asked_nothing_done(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    calm = augment(clips, np.random.default_rng(0), CALM)
    np.testing.assert_array_equal(calm.lengths, clips.lengths)
    np.testing.assert_allclose(calm.points, clips.points, atol=1e-3)


def test_mirror_swaps_sides() -> None:
    points = np.random.default_rng(0).normal(size=(2, 5, 13, 2)).astype(np.float32)
    turned = mirror(points, BODY_13)
    left, right = BODY_13.index("left_wrist"), BODY_13.index("right_wrist")
    np.testing.assert_array_equal(turned[:, :, left], points[:, :, right] * [-1, 1])
    np.testing.assert_array_equal(mirror(turned, BODY_13), points)


def test_spoiling_has_the_stated_size(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    spoilt = spoil_evenly(clips, np.random.default_rng(0), missing=0.2, jitter=0.05)
    inside = clips.seen
    assert 1 - spoilt.seen[inside].mean() == pytest.approx(0.2, abs=0.01)
    scale = np.broadcast_to(body_scale(clips.points, clips.joints)[:, None, None, None], clips.points.shape)
    moved = ((spoilt.points - clips.points) / scale)[spoilt.seen]
    assert moved.std() == pytest.approx(0.05, rel=0.05)


def test_lost_frames_and_parts_stay_in_the_clip(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    spoilt = augment(clips, np.random.default_rng(1), AugmentSettings(spoil=1, lost_part=1, lost_frames=1, swap=1))
    beyond = np.arange(spoilt.points.shape[1])[None] >= spoilt.lengths[:, None]
    assert np.isnan(spoilt.points[beyond]).all()
    assert (~spoilt.seen.any(axis=1)).any(axis=1).mean() > 0.9


def test_filling_is_linear_between_and_flat_beyond() -> None:
    points = np.full((1, 6, 1, 2), np.nan, dtype=np.float32)
    points[0, 1, 0], points[0, 4, 0] = (0, 3), (3, 0)
    filled = fill(points, np.isfinite(points[..., 0]))
    np.testing.assert_allclose(filled[0, :, 0, 0], [0, 0, 1, 2, 3, 3])
    never = np.full((1, 6, 1, 2), np.nan, dtype=np.float32)
    assert np.isnan(fill(never, np.zeros((1, 6, 1), dtype=bool))).all()


def test_scale_is_the_torso_even_when_it_is_hidden(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    scale = body_scale(clips.points, clips.joints)
    np.testing.assert_allclose(scale, 100 * (1 + small_world.groups), rtol=0.06)  # type: ignore[operator]  # has groups
    hidden = clips.points.copy()
    hidden[:, :, [BODY_13.index("left_hip"), BODY_13.index("right_hip")]] = np.nan
    np.testing.assert_allclose(body_scale(hidden, clips.joints) / scale, 1, atol=0.35)


def test_place_and_size_in_the_image_do_not_matter(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    moved = Clips((clips.points * 3 + [500, -200]).astype(np.float32), clips.lengths)
    np.testing.assert_allclose(body_of(moved, 1.0).points, body_of(clips, 1.0).points, atol=2e-2)
    one, other = (clip_statistics(body_of(some, 1.0), some.lengths, some.joints) for some in (clips, moved))
    np.testing.assert_allclose(other, one, atol=2e-2)


def test_a_body_is_normalised_once(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    assert body_of(clips, 1.0) is body_of(clips, 1.0)
    assert body_of(clips.mirrored, 1.0) is body_of(clips.mirrored, 1.0)
    for some, smooth in ((clips, 0.0), (clips.mirrored, 1.0)):
        own = normalise(some.points, some.lengths, some.joints, smooth)
        np.testing.assert_array_equal(body_of(some, smooth).points, own.points)
        assert not np.allclose(np.nan_to_num(own.points), np.nan_to_num(body_of(clips, 1.0).points))


def test_padding_does_not_matter(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)[np.arange(4)]
    padding = np.full((4, 17, 13, 2), np.nan, dtype=np.float32)
    longer = Clips(np.concatenate([clips.points, padding], axis=1), clips.lengths)
    one, other = (clip_statistics(body_of(some, 1.0), some.lengths, some.joints) for some in (clips, longer))
    np.testing.assert_allclose(other, one, atol=1e-4)
