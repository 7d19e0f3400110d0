from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.preprocess import MAX_ASPECT, NetSize, Placement, fit, fit_longer_side, letterbox

lengths = st.integers(1, 3000)


@given(height=lengths, width=lengths, net_height=st.integers(8, 800))
def test_fit_keeps_height_aspect_and_stride(height: int, width: int, net_height: int) -> None:
    size = fit((height, width), net_height)
    assert size.height % 8 == size.width % 8 == 0
    assert 8 <= size.height < net_height + 8
    assert 8 <= size.width < MAX_ASPECT * net_height + 8
    if width <= MAX_ASPECT * height:
        assert size.height >= net_height
        assert size.width == pytest.approx(max(width * net_height / height, 8), abs=8)


def test_fit_knows_the_usual_sizes() -> None:
    assert fit((994, 1768)) == NetSize(368, 656)
    assert fit((1080, 1920)) == NetSize(368, 656)
    assert fit((480, 640)) == NetSize(368, 496)
    assert fit((1920, 1080)) == NetSize(368, 208)
    assert fit((1000, 20_000)) == NetSize(80, 1472)  # a panorama
    assert fit((1, 1)) == NetSize(368, 368)


@pytest.mark.parametrize(("size", "net_height"), [((0, 5), 368), ((5, 0), 368), ((5, 5), 7)])
def test_fit_refuses_nonsense(size: tuple[int, int], net_height: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        fit(size, net_height)


@given(
    height=lengths,
    width=lengths,
    net=st.builds(NetSize, st.integers(1, 60).map(lambda n: 8 * n), st.integers(1, 60).map(lambda n: 8 * n)),
    x=st.floats(-1, 3001),
    y=st.floats(-1, 3001),
)
def test_placement_goes_there_and_back(height: int, width: int, net: NetSize, x: float, y: float) -> None:
    _, placement = letterbox(np.zeros((height, width, 3), dtype=np.uint8), net)
    np.testing.assert_allclose(placement.to_source(placement.to_net((x, y))), (x, y), atol=1e-6)
    # the image's outer edges lie on the canvas: a pixel reaches half a pixel beyond its centre
    left_top = placement.to_net((-0.5, -0.5))
    right_bottom = placement.to_net((width - 0.5, height - 0.5))
    np.testing.assert_allclose(left_top, (-0.5, -0.5), atol=1e-9)
    # (halving may leave out the last odd row or column, which then lies less than a pixel beyond)
    assert right_bottom[0] < net.width + 0.5
    assert right_bottom[1] < net.height + 0.5


@given(height=st.integers(40, 300), width=st.integers(40, 300), net_height=st.integers(40, 300), data=st.data())
def test_a_spot_is_found_where_the_placement_says(
    height: int, width: int, net_height: int, data: st.DataObject
) -> None:
    """A blurred spot drawn in the image has its centre of mass, in the canvas, at `to_net` of its centre."""
    x = data.draw(st.floats(12, width - 13))
    y = data.draw(st.floats(12, height - 13))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    image = np.repeat((spot * 255).round().astype(np.uint8)[..., None], 3, axis=2)
    canvas, placement = letterbox(image, fit((height, width), net_height))
    right, bottom = np.floor(placement.to_net((width - 0.5, height - 0.5)) + 0.5).astype(int)
    mass = canvas[:bottom, :right, 0].astype(np.float64)
    canvas_columns, canvas_rows = np.meshgrid(np.arange(mass.shape[1]), np.arange(mass.shape[0]))
    found = [(mass * canvas_columns).sum() / mass.sum(), (mass * canvas_rows).sum() / mass.sum()]
    np.testing.assert_allclose(found, placement.to_net((x, y)), atol=max(0.2, 0.2 * placement.scale_x))


def test_what_the_image_leaves_is_grey() -> None:
    canvas, _ = letterbox(np.full((100, 100, 3), 200, dtype=np.uint8), NetSize(80, 120))
    assert canvas.shape == (80, 120, 3)
    assert (canvas[:, :80] == 200).all()
    assert (canvas[:, 80:] == 127).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2000), (2000, 1), (7, 3)])
def test_the_smallest_images_pass(height: int, width: int) -> None:
    image = np.full((height, width, 3), 99, dtype=np.uint8)
    canvas, _ = letterbox(image, fit((height, width)))
    assert (canvas == 99).any()
    assert set(np.unique(canvas)) <= {99, 127}


def test_takes_views_of_larger_images() -> None:
    image = np.arange(90 * 90 * 3, dtype=np.uint8).reshape(90, 90, 3)
    view = image[10:80:2, ::-1]
    np.testing.assert_array_equal(
        letterbox(view, NetSize(24, 64))[0], letterbox(np.ascontiguousarray(view), NetSize(24, 64))[0]
    )


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_letterbox_refuses_other_arrays(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected an image of shape \(H, W, 3\)"):
        letterbox(image, NetSize(8, 8))


def test_missing_points_stay_missing() -> None:
    found = Placement(0.5, 0.5).to_source([[np.nan, np.nan], [1.0, 2.0]])
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1], (2.5, 4.5))


def test_shrinking_much_averages() -> None:
    """A one-pixel grid in a frame of more than four times the size becomes grey, not black or white stripes."""
    image = np.zeros((400, 400, 3), dtype=np.uint8)
    image[::2] = 254
    canvas, _ = letterbox(image, NetSize(96, 96))
    assert np.ptp(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY)) < 90


@given(height=lengths, width=lengths, longer=st.integers(16, 900))
def test_fit_longer_side_keeps_aspect_and_multiple(height: int, width: int, longer: int) -> None:
    size = fit_longer_side((height, width), longer, 32)
    assert size.height % 32 == size.width % 32 == 0
    assert longer <= max(size.height, size.width) < longer + 32
    scale = longer / max(height, width)
    assert size.height - 32 <= height * scale + 0.5
    assert size.width - 32 <= width * scale + 0.5
    assert size.height >= height * scale - 0.5
    assert size.width >= width * scale - 0.5


def test_fit_longer_side_knows_the_usual_sizes() -> None:
    assert fit_longer_side((1080, 1920), 640, 32) == NetSize(384, 640)
    assert fit_longer_side((1920, 1080), 256, 32) == NetSize(256, 160)
    assert fit_longer_side((1, 9000), 640, 32) == NetSize(32, 640)
    with pytest.raises(ValueError, match="at least 1×1"):
        fit_longer_side((0, 5), 640, 32)
