"""A face in 3D from stills or a shot: the head model, its camera, its renderer, its fit."""
