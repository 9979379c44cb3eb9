"""What is installed is what is in the checkout."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_of_the_checkout_is_installed():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("analogsim/**/__init__.py")}
    cards = {f"analogsim.cards.{kind}" for kind in ("devices", "circuits", "experiments", "wires")}
    assert listed == found | cards
