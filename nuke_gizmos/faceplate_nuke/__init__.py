"""Faceplate's nodes in Nuke. Python here turns knobs and starts jobs; pixels travel by the OFX effect or by files.

Runs in whatever Python Nuke has (3.7 and newer), on the standard library and `faceplate_client` alone.
"""

RESTORING = ("FP_Restore", "FP_Matte")
STEADY_APPLY = "FP_SteadyApply"
EVERY_CLASS = (*RESTORING, STEADY_APPLY)
