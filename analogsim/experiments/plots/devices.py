"""One picture of a device: what it does to a conductance, in two panels chosen by its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analogsim.devices.base import Array, Device
from analogsim.devices.dynamic import Dynamic
from analogsim.devices.optical import Optical
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.experiments.plots.style import BLUE, COLUMN, GREEN, GREY, ORANGE, STYLE, plain

LEVELS = (0.25, 0.5, 1.0)
"""Shares of the conductance range shown as examples."""
CELLS = 400
"""Cells of which a band of drift shows the middle 68 %."""
TIMES = np.geomspace(1.0, 3.2e7, 60)
PULSES = 3000


def device(made: Device | Optical) -> Figure:
    """Draw programming and read spread, drift, current-voltage curve, hysteresis or update steps of a device.

    Parameters
    ----------
    made : Device or Optical

    Returns
    -------
    Figure
        Cells with a state of their own: a sinusoid's loop and its state; cells updated by pulses: the steps and a train
        of pulses; other cells: σ over the conductance, and drift or else the current over the voltage; optical parts:
        their transfer curve.
    """
    if isinstance(made, Optical):
        with plt.rc_context(STYLE):
            figure, ax = plt.subplots(figsize=(COLUMN, 2.4))
            made.picture(ax)
            figure.suptitle(plain(made.record.get("title", type(made).__name__)), fontsize=8)
        return figure
    panels: tuple[Callable[[Any, Axes], None], ...]
    panel: Callable[[Any, Axes], None]
    if isinstance(made, Dynamic):
        panels = (loop, motion)
    elif isinstance(made, Pulsed):
        panels = (steps, train)
    else:
        panels = (spread, drift if _drifts(made) else curve)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4))
        for panel, ax, letter in zip(panels, axes, "ab", strict=True):
            panel(made, ax)
            ax.set_title(f"({letter})", loc="left", fontweight="bold")
        figure.suptitle(plain(made.record.get("title", type(made).__name__)), fontsize=8)
    return figure


def spread(made: Device, ax: Axes) -> None:
    """σ of programming and of a read over the conductance."""
    g = np.linspace(made.g_min, made.g_max, 201)
    scale, unit = _scale(made.g_max)
    ax.plot(g * scale, made.programming_sigma(g) * scale, color=BLUE, label="programming")
    ax.plot(g * scale, made.read_sigma(g) * scale, color=ORANGE, ls="--", label="one read")
    ax.set(xlabel=f"conductance ({unit}S)", ylabel=f"standard deviation ({unit}S)")
    ax.set_ylim(0, ax.get_ylim()[1] if made.programming_sigma(g).any() or made.read_sigma(g).any() else 1)
    ax.legend()


def drift(made: Device, ax: Axes) -> None:
    """Conductance over time: median and the middle 68 % of cells programmed to three levels."""
    scale, unit = _scale(made.g_max)
    for share, color in zip(LEVELS, (GREEN, ORANGE, BLUE), strict=True):
        programmed = np.full(CELLS, made.g_min + share * made.span)
        rows, times = [], []
        for t in TIMES:
            try:
                aged = made.age(programmed, float(t), np.random.default_rng(0))
            except InputError:
                break
            rows.append(np.quantile(aged, (0.16, 0.5, 0.84)) * scale)
            times.append(t)
        low, middle, high = np.array(rows).T
        ax.semilogx(times, middle, color=color)
        ax.fill_between(times, low, high, color=color, alpha=0.2, lw=0)
    ax.set(xlabel="time since programming (s)", ylabel=f"conductance ({unit}S)")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))


def curve(made: Device, ax: Axes) -> None:
    """Current over voltage at three conductances, with Ohm's law beside."""
    limit = float(getattr(made, "v_max", 0.5))
    v = np.linspace(-limit, limit, 201)
    levels = [made.g_min + share * made.span for share in LEVELS]
    scale, unit = _scale(float(np.abs(made.current(np.array([levels[-1]]), limit)).max()))
    for g, color in zip(levels, (GREEN, ORANGE, BLUE), strict=True):
        ax.plot(v, made.current(np.full(v.shape, g), v) * scale, color=color, label=EngFormatter("S", places=0)(g))
        ax.plot(v, g * v * scale, color=GREY, ls=":", lw=0.8)
    ax.set(xlabel="voltage (V)", ylabel=f"current ({unit}A)")
    ax.legend(title="dotted: Ohm's law", title_fontsize=7)


def steps(made: Pulsed, ax: Axes) -> None:
    """Mean step of one pulse over the weight, up and down."""
    w = np.linspace(made.w_min, made.w_max, 201)
    ax.plot(w, made.step_up(w), color=BLUE, label="up")
    ax.plot(w, made.step_down(w), color=ORANGE, ls="--", label="down")
    ax.set(xlabel="weight", ylabel="step of one pulse (weights)")
    ax.set_ylim(bottom=0)
    ax.legend()


def train(made: Pulsed, ax: Axes) -> None:
    """A typical cell under a train of pulses up, then down: without and with noise from pulse to pulse."""
    length = int(np.clip(made.steps_over_range(), 20, PULSES))
    signs = np.r_[np.ones(length, int), -np.ones(length, int)]
    rng, scale = np.random.default_rng(0), _scale(made.g_max)
    noisy = np.array([made.conductance(made.w_min)])
    path = [noisy[0]]
    w, mean = made.w_min, [float(made.conductance(made.w_min))]
    for sign in signs:
        noisy = made.pulse(noisy, np.array([sign]), rng)
        path.append(noisy[0])
        w = float(np.clip(w + (made.step_up(w) if sign > 0 else -made.step_down(w)), made.w_min, made.w_max))
        mean.append(float(made.conductance(w)))
    ax.plot(np.array(path) * scale[0], color=GREY, lw=0.7, label="one cell")
    ax.plot(np.array(mean) * scale[0], color=BLUE, label="mean steps")
    ax.set(xlabel=f"pulses ({length} up, {length} down)", ylabel=f"conductance ({scale[1]}S)")
    ax.legend()


def loop(made: Dynamic, ax: Axes) -> None:
    """Current over voltage under a sinusoid that moves the state, and at ten times its frequency."""
    v, slow, fast = _driven(made)
    scale, unit = _scale(float(np.abs(slow[1]).max()))
    ax.plot(v, slow[1] * scale, color=BLUE, label=f"{EngFormatter('s', places=0)(slow[2])} a period")
    ax.plot(v, fast[1] * scale, color=ORANGE, ls="--", label="ten times as fast")
    ax.set(xlabel="voltage (V)", ylabel=f"current ({unit}A)")
    ax.legend()


def motion(made: Dynamic, ax: Axes) -> None:
    """The state under the same sinusoids."""
    _, slow, fast = _driven(made)
    low, high = made.limits
    phase = np.linspace(0, 1, len(slow[0]))
    ax.plot(phase, (slow[0] - low) / (high - low), color=BLUE)
    ax.plot(phase, (fast[0] - low) / (high - low), color=ORANGE, ls="--")
    ax.set(xlabel="time (periods)", ylabel="state (share of its range)")
    ax.set_ylim(-0.02, 1.02)


def _driven(made: Dynamic) -> tuple[Array, tuple[Array, Array, float], tuple[Array, Array, float]]:
    """Voltage over one period; state, current and period of a slow and of a fast sinusoid."""
    low, high = made.limits
    ends = low + 0.3 * (high - low), low + 0.7 * (high - low)
    for size in (0.2, 0.5, 1.0, 1.5, 2.0, 3.0):
        times = [min(made.switching_time(s * size, *way) for s in (1, -1)) for way in (ends, ends[::-1])]
        if max(times) < 1e3:
            break
    period = 3.2 * min(times)
    sign = 1.0 if made.switching_time(size, *ends) < made.switching_time(-size, *ends) else -1.0
    phase = np.linspace(0, 1, 801)
    found = []
    for length in (period, period / 10):

        def voltage(t: float, rate: float = 2 * np.pi / length) -> float:
            return float(sign * size * np.sin(rate * t))

        state, current = made.drive(voltage, phase * length, ends[0], rtol=1e-6)
        found.append((state, current, length))
    return sign * size * np.sin(2 * np.pi * phase), found[0], found[1]


def _drifts(made: Device) -> bool:
    """Whether the device ages, and something is published about it."""
    middle = np.full(3, made.g_min + made.span / 2)
    try:
        return bool((made.age(middle, float(TIMES[1]), np.random.default_rng(0)) != middle).any())
    except InputError:
        return False


def _scale(largest: float) -> tuple[float, str]:
    """Factor and prefix for numbers up to `largest`."""
    for power, prefix in ((0, ""), (3, "m"), (6, "µ"), (9, "n"), (12, "p")):
        if largest * 10.0**power >= 1:
            return 10.0**power, prefix
    return 1e15, "f"
