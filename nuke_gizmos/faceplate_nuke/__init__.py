"""Faceplate's nodes in Nuke. Python here turns knobs and starts jobs; pixels travel by the OFX effect or by files.

Runs in whatever Python Nuke has (3.7 and newer), on the standard library and `faceplate_client` alone.
"""

from .kinds import KINDS

BAKEABLE = tuple(KINDS)
"""The classes of nodes that work live or from a bake."""

STEADY_APPLY = "FP_SteadyApply"
EVERY_CLASS = (*BAKEABLE, STEADY_APPLY)
