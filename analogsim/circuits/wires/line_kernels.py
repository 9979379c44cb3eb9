"""Kernels: every word line and every bit line is a resistive ladder, solved exactly by one sweep out and one back.

A line with segments of resistance r, open at one end, carries a device of conductance g_k at node k. Seen from the
open end, with s the conductance and h the current gathered so far (Norton form),

    s_k = g_k + f_{k+1} s_{k+1},   f_k = 1 / (1 + r_k s_k),   h_k = t_k + f_{k+1} h_{k+1}
    u_k = f_k (r_k h_k + u_{k-1})                             (k = 0 at the terminal, u_{-1} its voltage)

Only resistances enter and nothing is subtracted, so that r = 0 and g = 0 are ordinary values and a small r costs no
digits. Word lines are open at the right and end at the left, bit lines are open at the top and end at the bottom.
"""

from __future__ import annotations

import numpy as np

from analogsim.jit import compiled

_FAST = {"contract", "reassoc", "nsz"}


@compiled(fastmath=_FAST)
def factor(g, r_word, end_word, r_bit, end_bit):
    """The factors f of all word lines and of all bit lines, two (m, n) arrays; m is a multiple of 4."""
    m, n = g.shape
    word = np.empty((m, n))
    bit = np.empty((m, n))
    s = np.zeros(n)
    for i in range(m):
        if i < m - 1:
            for j in range(n):
                total = s[j] + g[i, j]
                f = 1.0 / (1.0 + r_bit * total)
                bit[i, j] = f
                s[j] = total * f
        else:
            for j in range(n):
                bit[i, j] = 1.0 / (1.0 + end_bit[j] * (s[j] + g[i, j]))
    for i in range(0, m, 4):
        s0 = s1 = s2 = s3 = 0.0
        for j in range(n - 1, 0, -1):
            s0 += g[i, j]
            s1 += g[i + 1, j]
            s2 += g[i + 2, j]
            s3 += g[i + 3, j]
            f0 = 1.0 / (1.0 + r_word * s0)
            f1 = 1.0 / (1.0 + r_word * s1)
            f2 = 1.0 / (1.0 + r_word * s2)
            f3 = 1.0 / (1.0 + r_word * s3)
            word[i, j] = f0
            word[i + 1, j] = f1
            word[i + 2, j] = f2
            word[i + 3, j] = f3
            s0 *= f0
            s1 *= f1
            s2 *= f2
            s3 *= f3
        word[i, 0] = 1.0 / (1.0 + end_word[i] * (s0 + g[i, 0]))
        word[i + 1, 0] = 1.0 / (1.0 + end_word[i + 1] * (s1 + g[i + 1, 0]))
        word[i + 2, 0] = 1.0 / (1.0 + end_word[i + 2] * (s2 + g[i + 2, 0]))
        word[i + 3, 0] = 1.0 / (1.0 + end_word[i + 3] * (s3 + g[i + 3, 0]))
    return word, bit


@compiled(fastmath={"contract"})
def word_lines(i, f, r, end, volts, t, h):
    """Solve word lines i to i+3 with their terminals at `volts`; h is (n, 4) to work in.

    t (4, n) holds f times the injected currents before and the voltages after. Four lines at a time, each step of each
    one fused multiplication and addition, because these chains wait for nothing but their own latency.
    """
    n = f.shape[1]
    a0 = a1 = a2 = a3 = 0.0
    for j in range(n - 1, -1, -1):
        a0 = t[0, j] + f[i, j] * a0
        a1 = t[1, j] + f[i + 1, j] * a1
        a2 = t[2, j] + f[i + 2, j] * a2
        a3 = t[3, j] + f[i + 3, j] * a3
        h[j, 0] = r * a0
        h[j, 1] = r * a1
        h[j, 2] = r * a2
        h[j, 3] = r * a3
    h[0, 0] = end[i] * a0
    h[0, 1] = end[i + 1] * a1
    h[0, 2] = end[i + 2] * a2
    h[0, 3] = end[i + 3] * a3
    a0, a1, a2, a3 = volts[i], volts[i + 1], volts[i + 2], volts[i + 3]
    for j in range(n):
        a0 = h[j, 0] + f[i, j] * a0
        a1 = h[j, 1] + f[i + 1, j] * a1
        a2 = h[j, 2] + f[i + 2, j] * a2
        a3 = h[j, 3] + f[i + 3, j] * a3
        t[0, j] = a0
        t[1, j] = a1
        t[2, j] = a2
        t[3, j] = a3


@compiled
def lump(a):
    """Move the currents of each column to its last node; along a bit line without resistance all nodes are one."""
    m, n = a.shape
    for i in range(m - 1):
        for j in range(n):
            a[m - 1, j] += a[i, j]
            a[i, j] = 0.0


@compiled(fastmath=_FAST)
def conjugate_gradients(g, f_word, f_bit, r_word, end_word, r_bit, end_bit, volts, source, want_nodes, tol, cap):
    """One input: the currents into the bit terminals (n,), the voltages of word and bit nodes, the iterations used.

    `volts` (m,) drives the word terminals, `source` (m, n) is a current in parallel with each device, from its word
    node into its bit node (shape (0, 0): none). With D = diag(g), and A_w, A_b the conductance matrices of the lines
    with their devices grounded, the word nodes are eliminated exactly and

        (A_b − D A_w⁻¹ D) b = D A_w⁻¹ (…) + …

    is solved by conjugate gradients preconditioned with A_b: symmetric and positive definite for every array. A_b is
    only ever inverted: its product with the search direction follows from the recurrence of CG itself.
    """
    m, n = g.shape
    forced = source.size > 0
    residual = np.empty((m, n))
    image = np.empty((m, n))  # S p, overwritten by the Norton currents of the bit lines
    p = np.zeros((m, n))
    mp = np.zeros((m, n))  # A_b p
    t = np.empty((4, n))
    h = np.empty((n, 4))
    nodes = m if want_nodes else 0
    bit_nodes = np.zeros((nodes, n))
    word_nodes = np.empty((nodes, n))
    carry = np.empty(n)
    weight = np.empty(n)
    out = np.zeros(n)
    out_p = np.zeros(n)
    zero = np.zeros(m)
    for i in range(0, m, 4):
        for k in range(4):
            for j in range(n):
                t[k, j] = -f_word[i + k, j] * source[i + k, j] if forced else 0.0
        word_lines(i, f_word, r_word, end_word, volts, t, h)
        for k in range(4):
            for j in range(n):
                residual[i + k, j] = g[i + k, j] * t[k, j]
                image[i + k, j] = 0.0
            if forced:
                for j in range(n):
                    residual[i + k, j] += source[i + k, j]
    # Differences of the residual along a line without resistance have no energy: left alone they would only grow.
    if r_bit == 0.0:
        lump(residual)
    alpha = 0.0
    rz_old = 1.0
    goal = -1.0
    iterations = 0
    while True:
        # Residual, its way down the bit lines, and its energy r·A_b⁻¹r = Σ r f h².
        carry[:] = 0.0
        weight[:] = 0.0
        for i in range(m):
            if i < m - 1:
                for j in range(n):
                    r_new = residual[i, j] - alpha * image[i, j]
                    residual[i, j] = r_new
                    x = r_new + carry[j]
                    image[i, j] = x
                    y = x * f_bit[i, j]
                    carry[j] = y
                    weight[j] += x * y
            else:
                for j in range(n):
                    r_new = residual[i, j] - alpha * image[i, j]
                    residual[i, j] = r_new
                    x = r_new + carry[j]
                    image[i, j] = x
                    y = x * f_bit[i, j]
                    carry[j] = y
                    weight[j] = r_bit * weight[j] + end_bit[j] * (x * y)
        rz = 0.0
        for j in range(n):
            rz += weight[j]
        if goal < 0.0:
            goal = tol * tol * rz
        if rz <= goal or iterations >= cap:
            break
        beta = rz / rz_old if iterations > 0 else 0.0
        for j in range(n):
            out_p[j] = carry[j] + beta * out_p[j]
            carry[j] = 0.0
        # Up the bit lines: search direction; along four word lines at a time: its image.
        pq = 0.0
        for i in range(m - 4, -1, -4):
            for k in range(i + 3, i - 1, -1):
                # Short loops over few arrays: the compiler makes vector instructions of these.
                if k == m - 1:
                    for j in range(n):
                        carry[j] = f_bit[k, j] * (end_bit[j] * image[k, j])
                else:
                    for j in range(n):
                        carry[j] = f_bit[k, j] * (r_bit * image[k, j] + carry[j])
                for j in range(n):
                    p[k, j] = carry[j] + beta * p[k, j]
                for j in range(n):
                    mp[k, j] = residual[k, j] + beta * mp[k, j]
                for j in range(n):
                    t[k - i, j] = f_word[k, j] * (g[k, j] * p[k, j])
            word_lines(i, f_word, r_word, end_word, zero, t, h)
            for k in range(4):
                for j in range(n):
                    x = mp[i + k, j] - g[i + k, j] * t[k, j]
                    image[i + k, j] = x
                    pq += p[i + k, j] * x
        if r_bit == 0.0:
            lump(image)
        alpha = rz / pq
        rz_old = rz
        iterations += 1
        for j in range(n):
            out[j] += alpha * out_p[j]
        if want_nodes:
            for i in range(m):
                for j in range(n):
                    bit_nodes[i, j] += alpha * p[i, j]
    for j in range(n):
        out[j] += carry[j]
    if want_nodes:
        for i in range(0, m, 4):
            for k in range(i, i + 4):
                for j in range(n):
                    into = g[k, j] * bit_nodes[k, j] - (source[k, j] if forced else 0.0)
                    t[k - i, j] = f_word[k, j] * into
            word_lines(i, f_word, r_word, end_word, volts, t, h)
            word_nodes[i : i + 4] = t
    return out, word_nodes, bit_nodes, iterations


@compiled
def drops(flow, volts, r_word, end_word, r_bit, end_bit):
    """Voltages of word and bit nodes (m, n) when the cells carry the currents `flow` from word to bit."""
    m, n = flow.shape
    word = np.empty((m, n))
    bit = np.empty((m, n))
    for i in range(m):
        total = 0.0
        for j in range(n - 1, -1, -1):
            total += flow[i, j]
            word[i, j] = total
        u = volts[i] - end_word[i] * total
        word[i, 0] = u
        for j in range(1, n):
            u -= r_word * word[i, j]
            word[i, j] = u
    for j in range(n):
        bit[0, j] = flow[0, j]
    for i in range(1, m):
        for j in range(n):
            bit[i, j] = bit[i - 1, j] + flow[i, j]
    for j in range(n):
        bit[m - 1, j] *= end_bit[j]
    for i in range(m - 2, -1, -1):
        for j in range(n):
            bit[i, j] = bit[i + 1, j] + r_bit * bit[i, j]
    return word, bit
