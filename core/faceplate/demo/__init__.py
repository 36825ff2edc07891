"""The demonstration: a sample plate made here, worn by a seed, restored by the command, measured against itself."""
