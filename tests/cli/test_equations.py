"""Equations of the devices as a terminal shows them."""

import inspect
import sys

import pytest

from analogsim import cards
from analogsim.cli.equations import plain, readable
from analogsim.devices import model


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\sigma_\mathrm{read} &= \sqrt{\ln\frac{t + T_r}{2 T_r}}", "σ_read = √(ln((t + T_r)/(2 T_r)))"),
        (r"\left(\frac{t + t_0}{t_0}\right)^{-\nu}", "((t + t_0)/t_0)^(-ν)"),
        (r"\dot x = \frac{\mu R_\mathrm{on}}{D^2}\,i\,f(x)", "dx/dt = (μ R_on)/D^2 i f(x)"),
        (r"e^{-\alpha_p(x - x_p)} + e^{V_n}", "e^(-α_p(x - x_p)) + e^(V_n)"),
    ],
)
def test_formulas_become_plain_text(latex, text):
    assert plain(latex) == text


@pytest.mark.parametrize("name", cards.names("device"))
def test_no_device_shows_latex(name):
    source = sys.modules[model(cards.read("device", name).model).__module__].__doc__
    shown = readable(inspect.cleandoc(source))
    assert "\\" not in shown
    assert ":math:" not in shown
    assert ".. math" not in shown
