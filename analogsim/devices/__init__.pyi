# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.devices.aoc_tanh import AOCTanh
from analogsim.devices.base import Device, Part, device, model, register, verify
from analogsim.devices.cmo import CMO
from analogsim.devices.dynamic import Dynamic
from analogsim.devices.ideal import Ideal
from analogsim.devices.ion_drift import IonDrift
from analogsim.devices.light_source import LightSource
from analogsim.devices.metal_oxide import MetalOxide
from analogsim.devices.metal_oxide_pulses import PulsedMetalOxide
from analogsim.devices.microring import MicroringBank
from analogsim.devices.mzi_mesh import MZIMesh
from analogsim.devices.optical import Curves, Optical
from analogsim.devices.pcm import PCM, Hermes
from analogsim.devices.photodetector import Photodetector
from analogsim.devices.photonic_pcm import PhotonicPCM
from analogsim.devices.pulsed import Pulsed
from analogsim.devices.rram import RRAM, CubicRRAM
from analogsim.devices.slm import SLM
from analogsim.devices.sonos import SONOS
from analogsim.devices.stanford import StanfordPKU
from analogsim.devices.step_shapes import ConstantStep, ExpStep, LinearStep, PowStep, SoftBounds
from analogsim.devices.table import Table
from analogsim.devices.vteam import VTEAM
from analogsim.devices.weighting import Weighting
from analogsim.devices.yakopcic import Yakopcic

__all__ = [
    "CMO",
    "PCM",
    "RRAM",
    "SLM",
    "SONOS",
    "VTEAM",
    "AOCTanh",
    "ConstantStep",
    "CubicRRAM",
    "Curves",
    "Device",
    "Dynamic",
    "ExpStep",
    "Hermes",
    "Ideal",
    "IonDrift",
    "LightSource",
    "LinearStep",
    "MZIMesh",
    "MetalOxide",
    "MicroringBank",
    "Optical",
    "Part",
    "Photodetector",
    "PhotonicPCM",
    "PowStep",
    "Pulsed",
    "PulsedMetalOxide",
    "SoftBounds",
    "StanfordPKU",
    "Table",
    "Weighting",
    "Yakopcic",
    "device",
    "model",
    "register",
    "verify",
]
