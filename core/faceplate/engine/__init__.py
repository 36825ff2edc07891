"""The engine: one process for all hosts of a user on a machine. The contract with its clients is docs/wire.md."""
