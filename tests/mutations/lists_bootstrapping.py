"""Faults of labels out of several views, and of cameras adjusted to people."""

from __future__ import annotations

from fault import Fault

_LABELS, _CLOCK = "pose/multiview/bootstrapping.py", "pose/multiview/clock.py"
_PIPELINE = "behavior/pipeline/bootstrapping.py"
_WHOLE = tuple(
    f"tests/test_integration/test_bootstrap.py::{name}"
    for name in (
        "test_labels_are_where_people_are_in_every_view",
        "test_networks_are_judged_by_where_the_other_cameras_see_people",
    )
)
_ADJUST = "pose/multiview/adjust.py"
_TOUCHED = ("tests/test_pose/test_adjust.py",)
_TESTS = ("tests/test_pose/test_bootstrapping.py",)

FAULTS: tuple[Fault, ...] = (
    Fault(_LABELS, "np.where(seen, SEEN, REPROJECTED)", "SEEN", "what only others see is seen", _TESTS),
    Fault(_LABELS, "np.where(inside, np.where", "np.where(True, np.where", "labels outside the picture", _TESTS),
    Fault(_LABELS, "confidence >= limits.min_confidence", "confidence > limits.min_confidence",
          "just sure enough is not enough", _TESTS),
    Fault(_LABELS, ", min_views=limits.min_views", "", "two views are enough", _TESTS),
    Fault(_LABELS, "np.where(used, np.nan_to_num(confidence), 0.0)", "np.nan_to_num(confidence)",
          "views that disagree count, too", _TESTS),
    Fault(_LABELS, "np.argsort(-scores", "np.argsort(scores", "the worst frames first", _TESTS),
    Fault(_LABELS, "apart < window_s - 1e-6", "apart < 0", "neighbours are taken", _TESTS),
    Fault(_LABELS, "apart < 2 * window_s", "apart < window_s", "repetitions are taken", _TESTS),
    Fault(_LABELS, "known.any(axis=1) & (moved <= same_m)", "moved <= same_m",
          "nothing in common is a repetition", _TESTS),
    Fault(_CLOCK, "(gap <= widest) & ", "", "holes are bridged", _TESTS),
    Fault(_CLOCK, "points[left] * (1 - weight) + points[right] * weight", "points[left]", "the frame before", _TESTS),
    Fault(_PIPELINE, "if camera not in left and (picture", "if (picture", "the held-out camera makes labels", _WHOLE),
    Fault(_PIPELINE, "learnt = time_s < _cut_s(scene, selection) - selection.window_s", "learnt = time_s < np.inf",
          "the held-out time makes labels", _WHOLE),
    Fault(_PIPELINE, "people = _people(scene, selection, [camera])", "people = _people(scene, selection, [])",
          "a camera is judged by itself", _WHOLE),
    Fault(_PIPELINE, "np.array([time_s]))[0]", "np.array([wanted_s]))[0]", "labels are of another moment", _WHOLE),
    Fault(_PIPELINE, "(distance[there] <= limit_px).sum() / len(distance)", "(distance[there] <= limit_px).mean()",
          "joints not found are left out", _WHOLE),
    Fault(_PIPELINE, "(early if left else late[:0]", "(early", "cameras are judged by what they learnt", _WHOLE),
    Fault(_ADJUST, "np.nan_to_num(np.asarray(confidence, dtype=np.float64))",
          "np.ones_like(np.asarray(confidence, dtype=np.float64))", "what is unsure counts", _TOUCHED),
    Fault(_ADJUST, "_MIN_VIEWS = 3", "_MIN_VIEWS = 2", "cameras are adjusted to what two see", _TOUCHED),
    Fault("behavior/pipeline/adjusting.py", "if now >= was:", "if False:", "a worse calibration is written",
          ("tests/test_integration/test_adjust.py",)),
)  # fmt: skip
