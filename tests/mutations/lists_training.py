"""Faults of the training of pose networks."""

from __future__ import annotations

from fault import Fault

_DATA, _FIT = (f"tests/test_pose/test_training_{name}.py" for name in ("data", "fit"))
_MARK = (f"{_DATA}::test_a_mark_stays_under_its_joint",)
_RESUME = (f"{_FIT}::test_the_other_optimiser_goes_on_with_the_same_bits",)
_AUGMENT, _TARGETS, _LOOP, _SETS, _TEACHER, _CHECKPOINT, _BATCHES = (
    f"pose/training/{name}.py"
    for name in ("augment", "targets", "fit", "datasets", "distillation", "checkpoint", "batches")
)

FAULTS: tuple[Fault, ...] = (
    Fault(_AUGMENT, "moved[:, mirror] if self.mirrored else moved", "moved", "mirrored, left stays left", _MARK),
    Fault(_AUGMENT, "matrix[:, 2] + matrix[:, :2].sum(axis=1) / 2", "matrix[:, 2]", "halved, half a pixel off", _MARK),
    Fault(_TARGETS, "        known = known[skeleton.mirror_indices]\n", "        pass\n", "unknown joints stay",
          (_DATA,)),
    Fault(_TARGETS, '    masks["heatmaps"][:-1] |= planes["heatmaps"][:-1] > _PRESENT\n', "", "ignored boxes win",
          (_DATA,)),
    Fault(_TARGETS, "np.full(shape, int(sample.complete), dtype=np.uint8)", "np.ones(shape, dtype=np.uint8)",
          "whoever is not annotated is nobody", (_DATA,)),
    Fault(_SETS, '            points = np.asarray(person["joints"], dtype=np.float64) - 1',
          '            points = np.asarray(person["joints"], dtype=np.float64)', "MPII counts from 0", (_DATA,)),
    Fault(_SETS, "    points[outside] = np.nan\n", "", "joints outside the image are learnt", (_DATA,)),
    Fault(_TEACHER, "if around or not sample.complete:", "if True:", "the teacher adds people", (_DATA,)),
    Fault(_TEACHER, "own[missing] = person[missing]", "own[:] = person", "the teacher moves joints", (_DATA,)),
    Fault(_BATCHES, "np.random.default_rng([seed, 1, epoch])", "np.random.default_rng([seed, 1])",
          "every epoch in one order", (_DATA,)),
    Fault(_CHECKPOINT, 'value.copy_(tensors[f"average/{name}"])', "pass", "the average begins anew", _RESUME),
    Fault(_CHECKPOINT, 'if kind == "optimiser":', 'if kind == "nothing":', "the optimiser begins anew", _RESUME),
    Fault(_LOOP, "start * settings.accumulate,", "start,", "other batches when gone on with", _RESUME),
    Fault(_AUGMENT, "angle += crop.quarters * np.pi / 2", "pass", "crops are not turned upright", (_DATA,)),
    Fault(_BATCHES, "sample.alone(person[0])", "sample", "later stages learn everybody", (_DATA,)),
    Fault(_BATCHES, "view.points(person[1].middle)", "np.full(2, 47.5)", "the middle does not go along", (_DATA,)),
    Fault(_BATCHES, "replace(self.augment, flip=0.0)", "self.augment", "right hands become left ones", (_DATA,)),
    Fault(_SETS, "ignore=nobody,", "ignore=self.ignore,", "nobody is learnt where a crowd is", (_DATA,)),
    Fault("pose/confidence.py", "    if refiner is None and body.calibration is not None:", "    if False:",
          "own curves are not used", ("tests/test_pose/test_confidence.py",)),
    Fault(_LOOP, "self.scaler.scale(loss / self.settings.accumulate)", "self.scaler.scale(loss)",
          "accumulated losses add up", (f"{_FIT}::test_accumulated_batches_are_as_one_large_one",)),
)  # fmt: skip
