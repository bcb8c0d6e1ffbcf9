"""Naturalistic movies: a camera that moves over scenes of occluding, textured objects, some of which move."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from torch.nn.functional import grid_sample

from movrecon_core.recordings import FRAME_HEIGHT, FRAME_RATE, FRAME_WIDTH
from movrecon_core.simulation.parameters import Parameters

OVERSAMPLING = 2  # canvas pixels a movie pixel, so that zooming in still shows detail
CANVAS = (256, 384)  # canvas pixels: 128 x 192 movie pixels, two to three screens each way
SPRITE = 48  # side of a moving object's texture
SCREEN = np.array([FRAME_WIDTH, FRAME_HEIGHT], float)
_rows, _columns = np.indices((FRAME_HEIGHT, FRAME_WIDTH)).reshape(2, -1)
SCREEN_POINTS = torch.from_numpy(
    np.stack([_columns - (FRAME_WIDTH - 1) / 2, _rows - (FRAME_HEIGHT - 1) / 2, np.ones(_rows.size)]).astype(np.float32)
)
"""(3, 36 * 64): x, y from the middle of the screen, and 1."""


class MovieConfig(Parameters):
    """What the scenes and the camera do. Motion and slope of the power spectrum are set to 40 clips of footage (5-95 %:
    0.7-7.1 grey levels a frame, -4.2 to -2.3), grey levels to those that the ten real mice saw."""

    texture_exponent: float = 1.2
    """Amplitude spectrum 1/f^a of surfaces; scenes as a whole have about 1 (Field 1987; Ruderman & Bialek 1994)."""
    leaf_radius: tuple[float, float] = (5.0, 60.0)
    """Movie pixels; radii follow r^-3, which makes the scene scale-invariant (Lee, Mumford & Huang 2001)."""
    leaves: int = Field(default=220, ge=0)
    """Occluding surfaces on the canvas; they cover it about twice."""
    cut_rate: float = Field(default=0.04, ge=0)
    """Cuts a second: every third 10 s clip has one (chosen)."""
    static_share: float = Field(default=0.3, ge=0, le=1)
    """Share of scenes that a resting camera films; in the rest it pans, zooms and rolls (chosen)."""
    camera_speed: tuple[float, float] = (4.5, 0.7)
    """The camera's r.m.s. speed, movie pixels a second: median and s.d. of the logarithm (matched to the clips)."""
    objects: float = Field(default=1.8, ge=0)
    """Mean number of independently moving objects a scene (chosen)."""
    object_speed: tuple[float, float] = (9.0, 0.6)
    """As `camera_speed`, of the objects (matched to the clips)."""
    object_size: tuple[float, float] = (8.0, 0.5)
    """Their radius, movie pixels: median and s.d. of the logarithm (chosen)."""
    luminance: tuple[float, float] = (68.0, 0.15)
    """Grey level of a scene's middle: median, s.d. of the logarithm over scenes (grey levels of the ten real mice)."""
    contrast: tuple[float, float] = (0.8, 0.22)
    """s.d. of a scene's grey levels relative to that middle: median, s.d. of the logarithm over scenes (as above)."""


def naturalistic_movie(rng: np.random.Generator, frames: int, config: MovieConfig) -> NDArray[np.float32]:
    """A movie of scenes that no other generator state shows.

    Parameters
    ----------
    rng
        Decides everything; one generator a movie.
    frames
        Length T at 30 Hz.
    config
        Statistics of the scenes.

    Returns
    -------
    (T, 36, 64), whole grey levels 0..255.
    """
    is_cut = rng.random(frames) < config.cut_rate / FRAME_RATE
    is_cut[: int(FRAME_RATE)] = is_cut[frames - int(FRAME_RATE) :] = False  # no scene shorter than a second at the ends
    borders = [0, *np.flatnonzero(is_cut), frames]
    shots = [_shot(rng, int(stop - start), config) for start, stop in pairwise(borders)]
    return np.rint(np.concatenate(shots)).astype(np.float32)


def pink_texture(rng: np.random.Generator, shape: tuple[int, int], exponent: float) -> NDArray[np.float32]:
    """Gaussian texture with amplitude spectrum 1/f^exponent, mean 0, s.d. 1, periodic."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * frequency**-exponent
    texture = np.fft.irfft2(spectrum, shape)
    return (texture / texture.std()).astype(np.float32)


def _smooth_path(rng: np.random.Generator, frames: int, seconds: float, rms_speed: float) -> NDArray[np.float64]:
    """Positions (T,) whose velocity is smoothed noise of a time scale and r.m.s. value a second."""
    lead = int(4 * seconds * FRAME_RATE)
    velocity = gaussian_filter1d(rng.standard_normal(frames + 2 * lead), seconds * FRAME_RATE)
    velocity *= rms_speed / FRAME_RATE / velocity.std()
    return np.cumsum(velocity[lead : lead + frames])


def _superellipse(
    u: NDArray[np.floating], v: NDArray[np.floating], aspect: float, angle: float, boxy: bool
) -> NDArray[np.bool_]:
    """Inside of a superellipse of long radius 1: an ellipse (power 2) or nearly a rectangle (power 8)."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a, b = np.square(u * cos + v * sin), np.square((v * cos - u * sin) * np.float32(aspect))
    if boxy:
        a, b = np.square(np.square(a)), np.square(np.square(b))
    return a + b < 1


def _canvas(rng: np.random.Generator, config: MovieConfig) -> NDArray[np.float32]:
    """A still scene: dead leaves from the farthest to the nearest, mean 0, s.d. about 1."""
    height, width = CANVAS
    texture = pink_texture(rng, CANVAS, config.texture_exponent)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    canvas = 0.4 * texture + rng.normal(0, 0.5) * y
    if rng.random() < 0.5:  # sky over ground
        canvas = canvas + rng.normal(0.5, 0.7) * np.tanh((rng.uniform(-0.4, 0.4) - y) * 30)
    low, high = (np.asarray(config.leaf_radius) * OVERSAMPLING) ** -2.0
    radii = np.sort(rng.uniform(high, low, config.leaves) ** -0.5)[::-1]
    # Mostly large before small, as near objects hide far ones but details lie on surfaces.
    for radius in radii[np.argsort(np.arange(config.leaves) + rng.normal(0, config.leaves / 4, config.leaves))]:
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        top, bottom = max(int(cy - radius), 0), min(int(cy + radius) + 2, height)
        left, right = max(int(cx - radius), 0), min(int(cx + radius) + 2, width)
        v = ((np.arange(top, bottom) - cy) / radius).astype(np.float32)[:, None]
        u = ((np.arange(left, right) - cx) / radius).astype(np.float32)[None]
        aspect, angle = 1 + 2 * rng.gamma(1.0), rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
        inside = _superellipse(u, v, aspect, angle, rng.random() < 0.5)
        slope_u, slope_v = rng.normal(0, 0.3, 2)
        dy, dx = rng.integers(height - (bottom - top) + 1), rng.integers(width - (right - left) + 1)
        surface = texture[dy : dy + bottom - top, dx : dx + right - left] * rng.gamma(2, 0.15)
        surface = surface - surface.mean() + rng.normal(0, 0.8) + slope_u * u + slope_v * v
        region = canvas[top:bottom, left:right]
        np.copyto(region, surface, where=inside)
    return gaussian_filter(canvas, 0.3 * OVERSAMPLING)  # the optics, and against aliasing


def _sprite(rng: np.random.Generator, config: MovieConfig) -> NDArray[np.float32]:
    """A moving object: surface and opacity, (2, side, side); some superellipses that hang together."""
    texture = pink_texture(rng, (SPRITE, SPRITE), 1.5 * config.texture_exponent) * rng.gamma(2, 0.15)
    grid = np.linspace(-1, 1, SPRITE, dtype=np.float32)
    v, u = grid[:, None], grid[None]
    opacity = np.zeros((SPRITE, SPRITE), np.float32)
    body = rng.choice([-1, 1]) * rng.uniform(0.5, 1.8)
    surface = texture + body
    for part in range(int(rng.integers(1, 5))):
        size = rng.uniform(0.45, 0.85) if part == 0 else rng.uniform(0.15, 0.5)
        cy, cx = (0, 0) if part == 0 else rng.uniform(-0.5, 0.5, 2)
        turned, boxy = rng.uniform(0, np.pi), rng.random() < 0.3
        inside = _superellipse((u - cx) / size, (v - cy) / size, rng.uniform(1, 3), turned, boxy)
        opacity[inside] = 1
        surface[inside] += rng.normal(0, 0.5)
    edge = gaussian_filter(opacity, 1.2)
    return np.stack([surface.astype(np.float32), edge])


def _shot(rng: np.random.Generator, frames: int, config: MovieConfig) -> NDArray[np.float32]:
    """One scene, filmed without a cut: (T, 36, 64), 0..255."""
    moving = rng.random() >= config.static_share
    speed = _lognormal(rng, config.camera_speed) * moving
    camera = _trajectory(rng, frames, rng.uniform(0.5, 2.0), speed)
    camera += _trajectory(rng, frames, 0.12, speed * rng.uniform(0, 0.4))  # held by hand
    room = (np.array(CANVAS[::-1]) / OVERSAMPLING - SCREEN) / 2
    camera += room * rng.uniform(-1, 1, 2)
    zoom = np.exp(np.clip(_smooth_path(rng, frames, 1.5, 0.06 * moving) + rng.uniform(-0.3, 0.4), -0.4, 0.7))
    roll = _smooth_path(rng, frames, 1.0, 0.06 * moving * rng.random())
    view = _rotation(roll) / zoom[:, None, None]  # (T, 2, 2): from the screen to the scene

    image = _seen(_canvas(rng, config)[None], view, camera, np.array(CANVAS[::-1]) / (2 * OVERSAMPLING), "reflection")[
        0
    ]
    for _ in range(rng.poisson(config.objects) + (not moving)):
        size = np.clip(_lognormal(rng, config.object_size), 3, 20)
        path = _trajectory(rng, frames, rng.uniform(0.3, 1.5), _lognormal(rng, config.object_speed))
        met = rng.integers(frames)  # when it is near the middle of the screen
        path += camera[met] - path[met] + SCREEN * rng.uniform(-0.35, 0.35, 2)
        turn = _rotation(_smooth_path(rng, frames, 0.7, 0.4) + rng.uniform(0, 2 * np.pi))
        turn = turn / np.exp(_smooth_path(rng, frames, 1.0, 0.1))[:, None, None]  # comes nearer and goes away
        local = (turn @ (camera - path)[..., None])[..., 0]
        surface, opacity = _seen(_sprite(rng, config), turn @ view, local, size, "zeros")
        image.lerp_(surface, opacity)
    shot = image.numpy()
    shot *= 1 + 0.1 * _smooth_path(rng, frames, 1.0, 0.2)[:, None]  # the light changes a little
    # Between linear and logarithmic, as what a scene reflects is skewed: dark, with some bright parts.
    shot *= np.clip(_lognormal(rng, config.contrast), 0.2, 1.3) / 2 / shot.std()
    shot += 1 - shot.mean()
    shot = _lognormal(rng, config.luminance) * np.square(np.maximum(shot, 0))
    return np.minimum(shot, 255, out=shot).reshape(frames, FRAME_HEIGHT, FRAME_WIDTH)


def _lognormal(rng: np.random.Generator, shape: tuple[float, float]) -> float:
    return float(shape[0] * np.exp(shape[1] * rng.standard_normal()))


def _trajectory(rng: np.random.Generator, frames: int, seconds: float, speed: float) -> NDArray[np.float64]:
    """Positions (T, 2), x and y; mostly horizontal, as people, animals and cameras move."""
    return np.stack([_smooth_path(rng, frames, seconds, rms) for rms in (speed, 0.45 * speed)], axis=-1)


def _rotation(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrices (T, 2, 2)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def _seen(
    layers: NDArray[np.float32],
    view: NDArray[np.float64],
    position: NDArray[np.float64],
    half_size: NDArray[np.float64] | float,
    outside: str,
) -> torch.Tensor:
    """Layers (C, h, w) on the screen: (C, T, 36 * 64), bilinear.

    A screen point p, in movie pixels from the middle, shows the point view @ p + position of the layers, whose edges
    are at +- half_size.
    """
    affine = np.concatenate([view, position[..., None]], axis=-1) / np.broadcast_to(half_size, 2)[:, None]  # (T, 2, 3)
    points = torch.from_numpy(affine.astype(np.float32)).reshape(-1, 3) @ SCREEN_POINTS  # (T 2, H W)
    grid = points.reshape(-1, 2, SCREEN_POINTS.shape[1]).permute(0, 2, 1)[None]  # (1, T, H W, 2)
    return grid_sample(torch.from_numpy(layers)[None], grid, padding_mode=outside, align_corners=False)[0]
