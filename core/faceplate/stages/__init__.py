"""Shared stages: arrays in, arrays out, one idea per file."""
