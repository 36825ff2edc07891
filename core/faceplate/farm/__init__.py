"""What makes a render survive a farm: proven frames, chunks, exit codes."""
