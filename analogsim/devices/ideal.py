"""The ideal cell: G = G_target for ever, I = G V."""

from __future__ import annotations

from dataclasses import dataclass

from analogsim.devices.base import Device
from analogsim.registry import register


@register.device("ideal")
@dataclass(frozen=True, kw_only=True)
class Ideal(Device):
    """A cell without error; the options of every device (levels, stuck cells, read noise) still apply."""
