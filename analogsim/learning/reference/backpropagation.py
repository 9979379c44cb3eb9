"""Back-propagation: the gradient of the mean loss of a feedforward network, and a reference for every local rule."""

from __future__ import annotations

from collections.abc import Sequence

from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference import elementwise
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register


@gated
def backprop(
    net: Network,
    x: Array,
    y: Array,
    *,
    feedback: Sequence[Array | None] | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of the mean loss by the chain rule.

    δ_L = f_L'(a_L) ∘ ∇ℓ(s_L),  δ_k = f'(a_k) ∘ V_{k+1} δ_{k+1},  ∂W_k = mean δ_k s_{k−1}ᵀ,  V = Wᵀ.

    Parameters
    ----------
    net : Network
    x : (sample, feature) array
    y : (sample, class) array
    feedback : sequence of (n_in, n_out) arrays, optional
        Another path V for the errors: fixed and random it is feedback alignment (Lillicrap et al. 2016,
        10.1038/ncomms13276).
    workspace : Workspace, optional
        Buffers to reuse; the result then lives in them.

    Returns
    -------
    list of (weights, bias)
        Means over the samples; the type of ``net.weights``.

    Raises
    ------
    InputError
        If x or y do not fit the network, or hold NaN, Inf, complex or masked entries.

    Notes
    -----
    Rumelhart, Hinton & Williams, Nature 323, 533 (1986), 10.1038/323533a0.
    """
    x, y = batch(net, x, y)
    layers, space = stack(net, feedback), workspace or Workspace()
    f, f_out = activation(net.activation), activation(net.output_activation)
    a, s = [], [x]
    for k, layer in enumerate(layers):
        code = f_out.code if k == net.layers - 1 else f.code
        shape = (len(x), layer.width)
        a.append(layer.forward(s[-1], space("a", k, shape=shape, dtype=x.dtype)))
        s.append(space("s", k, shape=shape, dtype=x.dtype))
        elementwise.activate(a[-1], layer.bias, code, s[-1])
    delta = LOSSES[net.loss].gradient(s[-1], y)
    if net.output_activation != "identity":
        delta *= f_out.derivative(a[-1])
    gradients: Gradients = []
    for k in range(net.layers - 1, -1, -1):
        out = space("gradient", k, shape=net.weights[k].shape, dtype=x.dtype)
        gradients.append(layers[k].gradient(delta, s[k], 1 / len(x), out))
        if k:
            delta = layers[k].feedback(delta, space("delta", k, shape=a[k - 1].shape, dtype=x.dtype))
            if net.activation == "relu":
                elementwise.backpropagate_relu(delta, a[k - 1])
            else:
                delta *= f.derivative(a[k - 1])
    return gradients[::-1]


register.rule("bp", "back-propagation")(
    Rule(
        source="Rumelhart, Hinton & Williams, Nature 323, 533 (1986), doi:10.1038/323533a0",
        digital=backprop,
    )
)
