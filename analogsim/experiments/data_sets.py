"""What is known of the data sets that have a name, without loading them."""

from __future__ import annotations

from typing import NamedTuple


class About(NamedTuple):
    """One data set of images with a class each.

    Attributes
    ----------
    words : str
        What it is and where it comes from, in one line.
    training, testing : int
        Samples.
    pixels : int
        Of the height and of the width of an image, whose square is the number of features.
    classes : int
    source : str
        What to cite.
    """

    words: str
    training: int
    testing: int
    pixels: int
    classes: int
    source: str


ABOUT = {
    "digits": About(
        "1797 handwritten digits of 8 × 8 pixels, bundled",
        1438,
        359,
        8,
        10,
        "Alpaydin & Kaynak, Optical recognition of handwritten digits, UCI 1998, doi:10.24432/C50P49",
    ),
    "mnist": About(
        "70000 handwritten digits of 28 × 28 pixels, from $ANALOGSIM_DATA or downloaded",
        60000,
        10000,
        28,
        10,
        "LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86, 2278, 1998, doi:10.1109/5.726791",
    ),
    "fashion-mnist": About(
        "70000 pieces of clothing of 28 × 28 pixels, from $ANALOGSIM_DATA or downloaded",
        60000,
        10000,
        28,
        10,
        "Xiao, Rasul & Vollgraf, 2017, arXiv 1708.07747",
    ),
}
