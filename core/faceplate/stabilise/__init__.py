"""The system that holds a shot together in time: optical flow, cuts, and restored crops averaged along the motion."""
