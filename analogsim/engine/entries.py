"""What Python calls of the right-hand side and of the records of integrators: on arrays of numpy, which are checked.

Other compiled code calls the functions of the same names in `analogsim.engine.kernel` and `analogsim.engine.recorder`.
States and what is written are packed, (2·B·N,), unless noted; all of one type.
"""

from __future__ import annotations

from analogsim.engine import kernel, recorder
from analogsim.engine.kernel import state_size
from analogsim.engine.primitives import filled, given
from analogsim.jit import compiled


@compiled
def activate_layer(p, a, s, layer):
    """s = f(a) for one layer."""
    size = state_size(p)
    kernel.activate_layer(p, given(a, size), filled(s, size), layer)


@compiled
def target(p, a, s, z):
    """z(a): what each compartment leaks towards. Fills s = f(a) too. da/dt = (z − a)/τ."""
    size = state_size(p)
    kernel.target(p, given(a, size), filled(s, size), filled(z, size))


@compiled
def rate(p, a, s, z):
    """da/dt in place of z."""
    size = state_size(p)
    kernel.rate(p, given(a, size), filled(s, size), filled(z, size))


@compiled
def pull_all(p, s, z):
    """Subtract the nudge of every sample from z of the output, given its states s, both (2, B, n_L)."""
    last = p.cum.size - 2
    size = 2 * p.batch * (p.cum[last + 1] - p.cum[last])
    kernel.pull_all(p, given(s, size), filled(z, size))


@compiled
def residual(p, a, z, out):
    """out[b] = max |z − a| = max |τ da/dt| over the compartments of each sample."""
    size = state_size(p)
    kernel.residual(p, given(a, size), given(z, size), filled(out, p.batch))


@compiled
def extent(p, a, out):
    """out[b] = max |a| of each sample; NaN counts as infinite."""
    kernel.extent(p, given(a, state_size(p)), filled(out, p.batch))


@compiled
def note(p, rec, a, z, scratch):
    """Add the residual at the present time to the history; when it is full, keep every other entry."""
    size = state_size(p)
    recorder.note(p, rec, given(a, size), given(z, size), filled(scratch, p.batch))


@compiled
def bury(p, rec, a, scratch):
    """Mark samples that have blown up; returns how many are still alive."""
    return recorder.bury(p, rec, given(a, state_size(p)), filled(scratch, p.batch))


@compiled
def keep_dead(p, rec, old, new):
    """Hold the states of the samples that have blown up."""
    size = state_size(p)
    recorder.keep_dead(p, rec, given(old, size), filled(new, size))
