"""Reports: one page that holds everything and asks for nothing; in a real browser where there is one."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import matplotlib as mpl

mpl.use("agg")

import pytest

import analogsim as asim
from analogsim.experiments import results, run
from analogsim.experiments.report.document import linked, report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    results.save(run(circuit="crossbar", epochs=1, hidden=(8,), batch_size=200), folder / "run.nc")
    over, metrics = {"rule": "ep,dpt", "alpha": [0.0, 1.0]}, ["programming_error", "initial_lipschitz"]
    asim.sweep("crossbar", over, seeds=2, metrics=metrics, hidden=(6,), workers=1, output=folder / "s.nc").close()
    return report([folder / "run.nc", folder / "s.nc"], folder / "r.html")


class Links(HTMLParser):
    """Collects what a browser would load by itself, and checks that tags close."""

    def __init__(self):
        super().__init__()
        self.loaded, self.open = [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.loaded += [given["src"]] if "src" in given else []
        self.loaded += [given["href"]] if tag == "link" else []
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(page):
    text, found = page.read_text(), Links()
    found.feed(text)
    assert found.open == []
    assert found.loaded
    assert all(link.startswith("data:") for link in found.loaded)
    assert "<script" not in text
    assert not re.search(r"url\(|@import", text)


def test_it_says_what_how_and_from_where(page):
    text = page.read_text()
    for words in (
        "Memristor crossbar with differential pairs",
        "gradient cosine",
        "8 points: 4 done, 4 failed",
        "has no meaning for rule &#x27;ep&#x27;",
        '<a href="https://doi.org/10.1038/s41467-020-16108-9"',
        "programming error ‖W_chip − W‖/‖W‖, worst layer",
        "How to repeat it",
        "numba",
    ):
        assert words in text, words


def test_links_end_where_identifiers_end():
    assert linked("doi:10.1000/ab.c, Fig. 3") == '<a href="https://doi.org/10.1000/ab.c">doi:10.1000/ab.c</a>, Fig. 3'
    assert linked("arXiv 2402.08573, Table 1").endswith("</a>, Table 1")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_shows_it_at_any_width_without_sideways_scrolling(page, width, tmp_path):
    """The page measures itself: no element but the tables, which scroll alone, is wider than the window."""
    probe = tmp_path / "probe.html"
    script = (
        "<script>addEventListener('load', () => { document.body.dataset.width = document.documentElement.scrollWidth;"
        "document.body.dataset.window = innerWidth; document.body.dataset.images ="
        "[...document.images].filter(i => i.complete && i.naturalWidth > 50).length; })</script></body>"
    )
    probe.write_text(page.read_text().replace("</body>", script))
    chromium = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    dump = [*chromium, f"--window-size={width},2000", "--virtual-time-budget=3000", "--dump-dom", probe.as_uri()]
    shown = subprocess.run(dump, capture_output=True, text=True, timeout=120).stdout
    found = dict(re.findall(r'data-(width|window|images)="(\d+)"', shown))
    assert int(found["window"]) == width
    assert int(found["width"]) <= width
    assert int(found["images"]) == page.read_text().count("<img ") > 4


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_it_prints(page, tmp_path):
    pdf = tmp_path / "r.pdf"
    chromium = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run([*chromium, f"--print-to-pdf={pdf}", page.as_uri()], capture_output=True, timeout=120)
    assert pdf.read_bytes().startswith(b"%PDF")
