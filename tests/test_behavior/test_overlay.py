"""The overlay read back from its file; drawings looked at by their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.report.drawing import Fit, Image, draw_skeleton, draw_tag, fitted_size, person_colour
from behavior.report.encoding import EncoderSettings
from behavior.report.overlay import OverlaySettings, write_overlay, write_overlay_image
from behavior.report.stills import Stills
from pose.parts import whole_body
from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, Skeleton
from storage.bouts import Bout
from storage.errors import OutputError


@dataclass(frozen=True)
class Picture:
    """A frame, as any source gives it."""

    index: int
    time_s: float
    image: Image


def grey(width: int = 320, height: int = 240) -> Image:
    return np.full((height, width, 3), 128, dtype=np.uint8)


def standing(x: float, top: float, tall: float, track_id: int | None, confidence: float = 0.9) -> Person:
    """A person seen from the front, `tall` pixels from eyes to ankles, around `x`."""
    place = {
        "nose": (0, 0.03), "neck": (0, 0.15), "right_shoulder": (-0.12, 0.15), "right_elbow": (-0.16, 0.33),
        "right_wrist": (-0.18, 0.5), "left_shoulder": (0.12, 0.15), "left_elbow": (0.16, 0.33),
        "left_wrist": (0.18, 0.5), "right_hip": (-0.07, 0.5), "right_knee": (-0.08, 0.75), "right_ankle": (-0.08, 1),
        "left_hip": (0.07, 0.5), "left_knee": (0.08, 0.75), "left_ankle": (0.08, 1), "right_eye": (-0.02, 0),
        "left_eye": (0.02, 0), "right_ear": (-0.05, 0.02), "left_ear": (0.05, 0.02),
    }  # fmt: skip
    points = [(x + tall * place[joint][0], top + tall * place[joint][1], confidence) for joint in COCO_18.joints]
    return Person(np.array(points, dtype=np.float32), 0.8, track_id, skeleton=COCO_18)


def scene(
    times: list[float], *people: Person, width: int = 320, height: int = 240
) -> Iterator[tuple[Picture, FramePeople]]:
    for index, time_s in enumerate(times):
        yield Picture(index, time_s, grey(width, height)), FramePeople(index, time_s, people)


def drawn(person: Person, *bouts: Bout, index: int = 0, folder: Path, image: Image | None = None) -> Image:
    """One frame's overlay, without loss."""
    image = grey() if image is None else image
    frame = Picture(index, 0.0, image)
    path = folder / "overlay.png"
    write_overlay_image(frame, FramePeople(index, 0.0, (person,)), path, skeleton=COCO_18, bouts=bouts)
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.astype(np.uint8)


def bgr(colour: str) -> list[int]:
    return list(reversed(bytes.fromhex(colour[1:])))


def test_times_of_a_variable_frame_rate_survive(tmp_path: Path) -> None:
    times = [12.5, 12.533, 12.7, 13.9, 13.95, 17.25]
    overlay = write_overlay(scene(times), tmp_path / "o.mp4", skeleton=COCO_18)
    assert overlay is not None
    assert (overlay.start_s, overlay.n_frames, overlay.width, overlay.height) == (12.5, 6, 320, 240)
    with av.open(str(overlay.path)) as container:
        stream = container.streams.video[0]
        assert stream.start_time in (0, None)
        assert [frame.time for frame in container.decode(stream)] == pytest.approx([t - 12.5 for t in times], abs=1e-5)
        assert float(stream.duration * stream.time_base) == pytest.approx(17.25 - 12.5 + 0.033, abs=1e-3)


def test_the_file_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "o.mp4"
    write_overlay(scene([0, 0.04, 0.08], standing(160, 30, 180, 1)), path, skeleton=COCO_18)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.colorspace) == ("h264", "yuv420p", 1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser could not start before the whole file is there"
    assert [file.name for file in path.parent.iterdir()] == ["o.mp4"]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1768, 994, (1280, 720)), (641, 359, (640, 358)), (1, 1, (2, 2)), (1080, 1920, (720, 1280)), (5, 3000, (2, 1280))],
)
def test_sizes_are_even_and_capped(width: int, height: int, expected: tuple[int, int], tmp_path: Path) -> None:
    overlay = write_overlay(scene([0.0], width=width, height=height), tmp_path / "o.mp4", skeleton=COCO_18)
    assert overlay is not None
    assert (overlay.width, overlay.height) == expected
    with av.open(str(overlay.path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == expected


def test_times_that_do_not_rise_are_still_written(tmp_path: Path) -> None:
    overlay = write_overlay(scene([0.0, 1.0, 1.0, 0.5, 2.0]), tmp_path / "o.mp4", skeleton=COCO_18)
    assert overlay is not None
    with av.open(str(overlay.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_frames_of_another_size_are_fitted_in(tmp_path: Path) -> None:
    frames = [
        (Picture(i, i / 10, np.full((h, w, 3), 255, np.uint8)), FramePeople(i, i / 10, ()))
        for i, (w, h) in enumerate([(64, 48), (48, 64)])
    ]
    overlay = write_overlay(frames, tmp_path / "o.mp4", skeleton=COCO_18, settings=OverlaySettings(time_stamp=False))
    assert overlay is not None
    with av.open(str(overlay.path)) as container:
        last = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][-1]
    assert last.shape == (48, 64)
    assert last[:, :10].max() < 40
    assert last[:, 20:44].min() > 200


def test_no_frames_no_file(tmp_path: Path) -> None:
    assert write_overlay([], tmp_path / "o.mp4", skeleton=COCO_18) is None
    assert not any(tmp_path.iterdir())


def test_a_source_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[Picture, FramePeople]]:
        yield from scene([0.0, 0.1])
        raise OSError("the camera went away")

    with pytest.raises(OSError, match="the camera went away"):
        write_overlay(failing(), tmp_path / "o.mp4", skeleton=COCO_18)
    assert not any(tmp_path.iterdir())


def test_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"o\.mp4: can't be written"):
        write_overlay(scene([0.0]), tmp_path / "file" / "o.mp4", skeleton=COCO_18)
    with pytest.raises(OutputError, match=r"o\.png: can't be written"):
        write_overlay_image(*next(scene([0.0])), tmp_path / "file" / "o.png", skeleton=COCO_18)


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    """FFmpeg meets it while it writes; here the limit of this process' files stands in for the disk's."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    frames = [(Picture(i, i / 30, np.roll(noise, 50 * i)), FramePeople(i, i / 30, ())) for i in range(30)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=r"o\.mp4: can't be written .+; free some space") as raised:
            write_overlay(frames, tmp_path / "o.mp4", skeleton=COCO_18)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(raised.value)
    assert not any(tmp_path.iterdir())


def test_pictures_need_a_known_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.jpg or \.png"):
        write_overlay_image(*next(scene([0.0])), tmp_path / "o.gif", skeleton=COCO_18)


def test_left_and_right_limbs_differ(tmp_path: Path) -> None:
    picture = drawn(standing(160, 40, 160, 2), folder=tmp_path)
    colour = np.array(bgr(person_colour(2)))
    knees = {side: picture[160, 160 + offset] for side, offset in (("right", -13), ("left", 13))}
    np.testing.assert_allclose(knees["left"], colour, atol=3)
    assert (knees["right"].astype(int) - colour).sum() > 100, "the right side is a light tint"


def test_ghosts_are_not_drawn(tmp_path: Path) -> None:
    assert (drawn(standing(160, 40, 160, None), folder=tmp_path) == 128).all()


def test_missing_joints_are_not_drawn(tmp_path: Path) -> None:
    person = standing(160, 40, 160, 1)
    person.keypoints[COCO_18.index("left_wrist")] = (np.nan, np.nan, 0)
    whole, part = (drawn(p, folder=tmp_path) for p in (standing(160, 40, 160, 1), person))
    assert (part[:25, :25] == 128).all(), "nothing at the origin"
    changed = np.argwhere((whole != part).any(axis=2))
    assert len(changed) > 0
    assert changed[:, 1].min() > 175, "only the left forearm is gone"


def test_a_person_without_joints_is_not_drawn(tmp_path: Path) -> None:
    nobody = Person(np.tile(np.array([np.nan, np.nan, 0], np.float32), (18, 1)), 0.5, 1, skeleton=COCO_18)
    assert (drawn(nobody, folder=tmp_path) == 128).all()


@pytest.mark.parametrize(("index", "named"), [(9, False), (10, True), (20, True), (21, False)])
def test_actions_are_named_in_their_frames_only(index: int, named: bool, tmp_path: Path) -> None:
    person = standing(160, 60, 160, 1)
    bouts = [Bout(1, "walk", 1.0, 2.1, 10, 20, 0.9), Bout(2, "jump", 0.0, 9.0, 0, 90, 0.9)]
    same = (drawn(person, *bouts, index=index, folder=tmp_path) == drawn(person, index=index, folder=tmp_path)).all()
    assert same != named


def test_actions_follow_each_other_in_a_video(tmp_path: Path) -> None:
    """The tag is wider while there is an action to name."""
    person = standing(160, 100, 120, 1)
    bouts = [Bout(1, "walking about", 0.2, 0.4, 2, 3, 0.9), Bout(1, "walking about", 0.6, 0.7, 6, 6, 0.9)]
    frames = scene([i / 10 for i in range(8)], person)
    write_overlay(
        frames,
        tmp_path / "o.mp4",
        skeleton=COCO_18,
        bouts=bouts,
        settings=OverlaySettings(encoder=EncoderSettings(quality=5)),
    )
    with av.open(str(tmp_path / "o.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    blue = [(picture[60:92, :, 0] - picture[60:92, :, 2] > 60).sum() for picture in pictures]
    named = [count > 1.5 * min(blue) for count in blue]
    assert named == [False, False, True, True, False, False, True, False]


@pytest.mark.parametrize("skeleton", [COCO_18, COCO_17, BODY_25], ids=lambda skeleton: skeleton.name)
def test_every_layout_is_drawn(skeleton: Skeleton) -> None:
    picture = grey()
    keypoints = np.random.default_rng(1).uniform(20, 200, (len(skeleton), 3)).astype(np.float32)
    draw_skeleton(picture, keypoints, skeleton, "#0072B2")
    for x, y, _ in keypoints:
        assert (picture[round(float(y)), round(float(x))] != 128).any()


@given(st.lists(st.floats(-1e9, 1e9, width=32), min_size=36, max_size=36))
def test_joints_anywhere_do_no_harm(values: list[float]) -> None:
    points = np.concatenate([np.array(values, np.float32).reshape(18, 2), np.ones((18, 1), np.float32)], axis=1)
    picture = grey(40, 30)
    draw_skeleton(picture, points, COCO_18, person_colour(3))
    draw_tag(picture, "3", (values[0], values[1]), person_colour(3))


def test_tag_stays_inside() -> None:
    for anchor in [(0.0, 0.0), (319.0, 239.0), (-500.0, 900.0)]:
        picture = grey()
        draw_tag(picture, "12 · walk", anchor, "#0072B2")
        assert (picture == bgr("#0072B2")).all(axis=2).sum() > 300


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(2, 1500), st.booleans())
def test_fit_moves_keypoints_with_the_picture(width: int, height: int, side: int, even: bool) -> None:
    """The outer edges of the first and last pixel stay where the picture's edges are, to a pixel."""
    target = fitted_size(width, height, side, even=even)
    fit = Fit((width, height), target)
    edges = np.array([[-0.5, -0.5, 1], [width - 0.5, height - 0.5, 1]], dtype=np.float32)
    moved = fit.keypoints(edges)
    assert (moved[0, :2] >= -0.5 - 1e-3).all()
    assert (moved[1, :2] <= np.array(target) - 0.5 + 1e-2).all()
    assert moved[:, 2].tolist() == [1, 1]
    if not even:
        np.testing.assert_allclose(moved[1, :2] - moved[0, :2], target, atol=1.01)


def test_fit_lights_the_right_pixel() -> None:
    """One lit pixel and one keypoint move together."""
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    image[12:16, 24:28] = 255
    fit = Fit((40, 40), (16, 10))
    small = fit.image(image)
    rows, columns = np.nonzero(small[..., 0] > 127)
    (point,) = fit.keypoints(np.array([[25.5, 13.5, 1]], dtype=np.float32))
    assert (columns.mean(), rows.mean()) == pytest.approx((point[0], point[1]), abs=0.01)


def test_colours_are_stable_and_repeat_after_seven() -> None:
    assert person_colour(1) == person_colour(8)
    assert len({person_colour(track_id) for track_id in range(1, 8)}) == 7


def decode(jpeg: bytes | None) -> Image:
    assert jpeg is not None
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def marked(value: int) -> Image:
    return np.full((240, 320, 3), value, dtype=np.uint8)


def test_stills_pick_the_clearest_frame_of_each_person() -> None:
    stills = Stills(COCO_18)
    stray = standing(160, 40, 100, 1)
    stray.keypoints[COCO_18.index("right_wrist"), :2] = (5, 235)
    shown = [
        (10, standing(160, 40, 60, 1)),
        (90, standing(160, 40, 160, 1)),
        (170, stray),
        (250, standing(160, 40, 160, 1, 0.3)),
    ]
    for index, (value, person) in enumerate(shown):
        stills.see(Picture(index, 0.0, marked(value)), FramePeople(index, 0.0, (person, standing(50, 40, 60, None))))
    assert set(stills.people) == {1}
    picture = decode(stills.people[1])
    assert picture.shape == (240, 180, 3)
    assert abs(int(np.median(picture[:20, :20])) - 90) < 3


def test_scene_is_the_first_frame_with_the_most_people() -> None:
    stills = Stills(COCO_18, scene_side=160)
    assert stills.scene is None
    for index, n in enumerate([0, 2, 2, 1]):
        people = tuple(standing(60 + 80 * i, 40, 100, i + 1) for i in range(n))
        stills.see(Picture(index, 0.0, marked(50 * (index + 1))), FramePeople(index, 0.0, people))
    picture = decode(stills.scene)
    assert picture.shape == (120, 160, 3)
    assert abs(int(picture.mean()) - 100) < 3
    assert stills.scene_size == (320, 240)


@pytest.mark.parametrize(
    "person", [standing(0, 0, 100, 1), standing(319, 200, 150, 1), standing(160, -400, 2000, 1), standing(9, 9, 0, 1)]
)
def test_stills_of_people_at_the_edge(person: Person) -> None:
    stills = Stills(COCO_18)
    stills.see(Picture(0, 0.0, grey()), FramePeople(0, 0.0, (person,)))
    for jpeg in stills.people.values():
        assert decode(jpeg).shape == (240, 180, 3)


def test_stills_come_with_the_overlay(tmp_path: Path) -> None:
    stills = Stills(COCO_18)
    frames = scene([0.0, 0.1], standing(160, 40, 160, 1), standing(60, 40, 160, 2))
    write_overlay(frames, tmp_path / "o.mp4", skeleton=COCO_18, stills=stills)
    assert set(stills.people) == {1, 2}
    assert stills.scene is not None


def test_a_face_stands_for_the_bodys_eyes_ears_and_nose() -> None:
    skeleton = whole_body(COCO_18)
    keypoints = np.full((130, 3), (np.nan, np.nan, 0), dtype=np.float32)
    keypoints[skeleton.index("nose")] = 100, 100, 1
    keypoints[skeleton.index("left_wrist")] = 30, 150, 1
    alone, with_face = (np.full((200, 200, 3), 255, dtype=np.uint8) for _ in range(2))
    draw_skeleton(alone, keypoints, skeleton, "#0072B2")
    keypoints[[skeleton.index("upper_lip"), skeleton.index("left_lip_upper_inner")]] = (150, 40, 1), (190, 40, 1)
    draw_skeleton(with_face, keypoints, skeleton, "#0072B2")
    assert alone[100, 100].tolist() == with_face[150, 30].tolist() == [0xB2, 0x72, 0]  # full colour
    assert with_face[100, 100].tolist() == [255, 255, 255]
    blue, _, red = with_face[40, 170].astype(int)
    assert blue - red > 100
    assert with_face[38, 170].max() < 100, "thin lines have a dark edge, to be seen on anything"
