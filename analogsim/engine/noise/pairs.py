"""Noise held for a settle, as the two compartments of a neuron get it; compiled."""

from __future__ import annotations

import numpy as np

from analogsim.jit import compiled


@compiled
def disturb(drive, draw, ahead, p, back, q, node, common):
    """Add to a layer's drive (2, B, n) a pair of Gaussian numbers for each neuron, made of two standard ones.

    With A and B (B, n) the variances of the forward and the feedback read, p and q (2, n) what each compartment gets of
    them, and D of the node's own variance, the covariance is C = A ppᵀ + B qqᵀ + D, or diagonal where each compartment
    has its own draw. Its Cholesky factor comes from det C written as a sum of non-negative terms: rounding must not
    make a difference between compartments that see the same read.
    """
    shared = draw.dtype.type(1 if common else 0)
    one, nothing = draw.dtype.type(1), draw.dtype.type(0)
    own = one - shared
    white = node * node
    for b in range(drive.shape[1]):
        plus, minus, first, second = drive[0, b], drive[1, b], draw[0, b], draw[1, b]
        forward, feedback = ahead[b], back[b]
        for i in range(plus.size):
            p0, p1, q0, q1 = p[0, i], p[1, i], q[0, i], q[1, i]
            a, e = forward[i], feedback[i]
            d0 = white + own * (a * p0 * p0 + e * q0 * q0)
            d1 = white + own * (a * p1 * p1 + e * q1 * q1)
            a, e = shared * a, shared * e
            c00 = a * p0 * p0 + e * q0 * q0 + d0
            c01 = a * p0 * p1 + e * q0 * q1
            c11 = a * p1 * p1 + e * q1 * q1 + d1
            cross = p0 * q1 - p1 * q0
            det = a * e * cross * cross + d0 * d1
            det += a * (p0 * p0 * d1 + p1 * p1 * d0) + e * (q0 * q0 * d1 + q1 * q1 * d0)
            inverse = one / c00 if c00 > nothing else nothing
            rest = det * inverse if c00 > nothing else c11
            root = np.sqrt(inverse)
            plus[i] += c00 * root * first[i]
            minus[i] += c01 * root * first[i] + np.sqrt(rest) * second[i]
