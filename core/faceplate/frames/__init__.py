"""One frame's way through the systems, in memory: looked at, restored alone or in its shot, veiled, reported.

Files around it are the farm's business, shared memory and jobs the engine's; both come here for the pixels.
"""
