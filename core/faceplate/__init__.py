"""Faceplate: one inference core for faces in footage. Importing it loads nothing heavy."""

__version__ = "0.1.0"
