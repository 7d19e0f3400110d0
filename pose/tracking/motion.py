"""Constant-velocity Kalman filters, one per joint, tied together by the body they belong to.

State of a joint per axis: position and velocity, white noise acceleration (Bar-Shalom, Li, Kirubarajan: Estimation with
Applications to Tracking and Navigation, section 6.2), x and y sharing one covariance. Steps are real time differences,
so uneven timestamps are right. A limb's own motion dies away within `limb_memory_s`, leaving the body's; the body's
within `body_memory_s` once the person is unseen. A joint that was not found moves with those that were.

Lengths in settings are in body scales (`costs.body_scale`, about a metre on an adult).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MotionSettings:
    """Noise and memory of the filters.

    Attributes:
        measurement: standard deviation of a detected joint, body scales.
        jerkiness: spectral density of a joint's acceleration, body scales^2 / s^3.
        initial_speed: standard deviation of a new joint's velocity, body scales / s.
        limb_memory_s: time in which a limb's motion relative to the body falls to 1/e, seconds.
        body_velocity_s: smoothing time of the body's velocity, seconds.
        body_memory_s: time in which an unseen body's velocity falls to 1/e, seconds.
        outlier: standard deviations beyond which a joint's innovation is held back.
        drift: growth of the predicted position's standard deviation while unseen, body scales / s.
        joint_memory_s: a joint not found for so long while its body was is forgotten, seconds.
    """

    measurement: float = 0.05
    jerkiness: float = 10.0
    initial_speed: float = 2.0
    limb_memory_s: float = 0.3
    body_velocity_s: float = 0.25
    body_memory_s: float = 1.5
    outlier: float = 3.0
    drift: float = 0.4
    joint_memory_s: float = 1.0


@dataclass(eq=False)
class Motion:
    """State of T bodies with K joints; a joint never seen is NaN.

    Attributes:
        position, velocity: (T, K, 2) pixels, pixels / s.
        covariance: (T, K, 3) of position, position and velocity, velocity; body scales.
        body_velocity: (T, 2) pixels / s.
        unseen_s: (T,) seconds since the last update.
        joint_unseen_s: (T, K) seconds since the joint was found.
        age_s: (T,) seconds since the first detection.
    """

    position: Array
    velocity: Array
    covariance: Array
    body_velocity: Array
    unseen_s: Array
    joint_unseen_s: Array
    age_s: Array

    @classmethod
    def start(cls, points: Array, settings: MotionSettings) -> Motion:
        """Bodies at rest at (T, K, 2) detected points."""
        seen = np.isfinite(points[..., :1])
        fresh = [settings.measurement**2, 0.0, settings.initial_speed**2]
        return cls(
            position=points.copy(),
            velocity=np.where(seen, 0.0, np.nan) * np.ones(2),
            covariance=np.where(seen, fresh, np.nan),
            body_velocity=np.zeros((len(points), 2)),
            unseen_s=np.zeros(len(points)),
            joint_unseen_s=np.zeros(points.shape[:2]),
            age_s=np.zeros(len(points)),
        )

    def predict(self, dt_s: float, settings: MotionSettings) -> None:
        """Move all bodies on by `dt_s` seconds."""
        coasting = self.unseen_s > 0.0
        fade = np.where(coasting, np.exp(-dt_s / settings.body_memory_s), 1.0)[:, None]
        self.body_velocity = self.body_velocity * fade
        keep = np.exp(-dt_s / settings.limb_memory_s)
        body = self.body_velocity[:, None]
        own = self.velocity - body
        self.position = self.position + body * dt_s + own * (settings.limb_memory_s * (1.0 - keep))
        self.velocity = body + own * keep
        pp, pv, vv = np.moveaxis(self.covariance, -1, 0)
        q = settings.jerkiness
        pp = pp + 2 * pv * dt_s + vv * dt_s**2 + q * dt_s**3 / 3
        pv = pv + vv * dt_s + q * dt_s**2 / 2
        vv = vv + q * dt_s
        # An unseen limb stays on its body: cap the spread at what a limb can do.
        shrink = np.minimum(1.0, settings.limb_memory_s**2 / np.fmax(pp, 1e-12))
        ceiling = np.minimum(1.0, 4 * settings.initial_speed**2 / np.fmax(vv, 1e-12))
        self.covariance = np.stack([pp * shrink, pv * shrink * ceiling, vv * ceiling], axis=-1)
        self.unseen_s = self.unseen_s + dt_s
        self.joint_unseen_s = self.joint_unseen_s + dt_s
        self.age_s = self.age_s + dt_s
        self.position[self.joint_unseen_s - self.unseen_s[:, None] > settings.joint_memory_s] = np.nan

    def spread(self, scale: Array, settings: MotionSettings) -> Array:
        """(T, K) variance of the predicted positions, square pixels; grows while the body is unseen."""
        drift = (settings.drift * self.unseen_s) ** 2
        result: Array = (np.nan_to_num(self.covariance[..., 0], nan=0.0) + drift[:, None]) * (scale**2)[:, None]
        return result

    def update(self, rows: NDArray[np.intp], points: Array, scale: Array, settings: MotionSettings) -> None:
        """Correct bodies `rows` (n,) by their detected points (n, K, 2), NaN where missing; `scale` (n,) pixels."""
        elapsed = self.unseen_s[rows]
        position, velocity, covariance = self.position[rows], self.velocity[rows], self.covariance[rows]
        innovation = points - position
        known = np.isfinite(innovation[..., 0])
        innovation = np.where(known[..., None], innovation, 0.0)
        pp, pv, vv = np.moveaxis(covariance, -1, 0)
        total = pp + settings.measurement**2
        distance2 = (innovation**2).sum(axis=-1) / (total * scale[:, None] ** 2)
        trust = np.minimum(1.0, settings.outlier**2 / np.fmax(distance2, 1e-12))
        gain_p, gain_v = trust * pp / total, trust * pv / total
        step_p, step_v = gain_p[..., None] * innovation, gain_v[..., None] * innovation
        # Joints not found take the mean correction of those found.
        weight = np.where(known, trust, 0.0)
        share = weight / np.fmax(weight.sum(axis=1, keepdims=True), 1e-12)
        mean_p = np.einsum("nk,nkc->nc", share, np.where(known[..., None], step_p, 0.0))
        mean_v = np.einsum("nk,nkc->nc", share, np.where(known[..., None], step_v, 0.0))
        position = position + np.where(known[..., None], step_p, mean_p[:, None])
        velocity = velocity + np.where(known[..., None], step_v, mean_v[:, None])
        corrected = np.stack([pp - gain_p * pp, pv - gain_p * pv, vv - gain_v * pv], axis=-1)
        covariance = np.where(known[..., None], corrected, covariance)

        body = np.einsum("nk,nkc->nc", share, np.where(known[..., None], velocity, 0.0))
        memory_s = np.fmin(settings.body_velocity_s, np.fmax(self.age_s[rows], 1e-9))
        follow = np.where(known.any(axis=1), 1.0 - np.exp(-elapsed / memory_s), 0.0)[:, None]
        body = self.body_velocity[rows] + follow * (body - self.body_velocity[rows])

        new = np.isfinite(points[..., 0]) & ~np.isfinite(position[..., 0])
        position = np.where(new[..., None], points, position)
        velocity = np.where(new[..., None], body[:, None], velocity)
        fresh = [settings.measurement**2, 0.0, settings.initial_speed**2]
        covariance = np.where(new[..., None], fresh, covariance)

        self.position[rows], self.velocity[rows], self.covariance[rows] = position, velocity, covariance
        self.body_velocity[rows] = body
        self.unseen_s[rows] = 0.0
        self.joint_unseen_s[rows] = np.where(np.isfinite(points[..., 0]), 0.0, self.joint_unseen_s[rows])
