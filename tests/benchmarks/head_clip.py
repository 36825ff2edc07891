"""What is found of a head's movement in a clip whose movement is known.

    .venv/bin/python -m tests.benchmarks.head_clip [--frames 96]

A head of ours is rendered at 256 pixels: it talks, smiles, raises its brows, blinks three times for two or three frames
and turns by some 26 degrees to either side. The clip goes through the command's own road, from finding the face to the
smoothed curves, lens and person unknown, once by points alone and once with what the net of task head.guess says of
every frame. Prints for each weight that moves the correlation with the true one, each frame alone and smoothed, and how
much of the true weight is found where that is above 0.5. Nothing here was used to choose anything.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from faceplate.clips import focal_of, read_clip
from faceplate.io.sequence import open_input
from faceplate.portraits import open_portrait_nets
from faceplate.reconstruct.albedo import read_albedo
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.performance import Performance, follow_performance
from faceplate.reconstruct.pipeline import UNKNOWN_LENS, ReconstructParams, reconstruct_stills
from faceplate.registry.catalogue import manifest_for, read_weights
from tests.support.head_clip import Acted, picture_of, weights_of

PERSON = 12
MOVED = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight",
         "eyeLookOutLeft", "eyeLookInRight")  # fmt: skip
STRONG = 0.5


def acted(head: HeadModel, frames: int) -> Acted:
    """Somebody who does all that."""
    time = np.arange(frames)
    blink = np.zeros(frames)
    for first, long in ((frames // 6, 2), (frames // 2, 3), (5 * frames // 6, 2)):
        blink[first : first + long] = 1
    jaw = 0.3 - 0.3 * np.cos(2 * np.pi * time / 11)
    smile = np.clip(np.sin((time - 20) / 12), 0, 1) * 0.8
    brow = np.clip(np.sin((time - 5) / 9), 0, 1) * 0.8
    look = np.clip(np.sin(time / 7), 0, 1) * 0.7
    curves: dict[str, np.ndarray] = dict(
        zip(MOVED, (jaw, smile, smile, brow, blink, blink, look, look), strict=True)
    )
    turns = np.stack([0.08 * np.sin(time / 15), 0.45 * np.sin(time / 16), 0.05 * np.sin(time / 9)], 1)
    person = np.random.default_rng(PERSON).normal(size=30) * 0.8
    return Acted(person, weights_of(head, curves), turns)


def followed(pattern: Path, head: HeadModel, *, asking: bool) -> Performance:
    """The clip as `faceplate reconstruct --quick` follows it."""
    nets = open_portrait_nets("cpu", find=True, compare=True, rank=True, guess=asking)
    clip = read_clip(open_input(pattern), nets, head)
    made = reconstruct_stills(
        head, clip.stills, ReconstructParams(texture=0, focal_spread=UNKNOWN_LENS, same_lens=True)
    )
    focal = focal_of(clip) * made.fit.cameras[0].focal / clip.stills[0].camera.focal
    return follow_performance(head, made.fit.identity, clip.faces, clip.frames, clip.rate, clip.camera(focal))


def told(name: str, performance: Performance, true: np.ndarray, head: HeadModel) -> None:
    """One line for each weight."""
    print(f"{name}: {performance.found.sum()} of {len(true)} frames")
    rows = performance.found
    for each in MOVED:
        place = head.expression_names.index(each)
        truth = true[rows, place]
        alone, smooth = performance.fitted[rows, place], performance.weights[rows, place]
        strong = truth > STRONG
        single, calm = (np.corrcoef(found, truth)[0, 1] for found in (alone, smooth))
        share = smooth[strong].sum() / truth[strong].sum()
        print(f"  {each:16} correlation {single:.2f} alone, {calm:.2f} smoothed; {share:.2f} of it found")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--frames", type=int, default=96)
    asked = words.parse_args()
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    somebody = acted(head, asked.frames)
    with tempfile.TemporaryDirectory() as folder:
        for frame in range(asked.frames):
            picture = picture_of(head, albedo, somebody, frame)
            cv2.imwrite(f"{folder}/clip.{frame + 1:04d}.png", np.ascontiguousarray(picture[..., ::-1]))
        pattern = Path(folder) / "clip.####.png"
        for name, asking in (("points alone", False), ("the net's word expected", True)):
            told(name, followed(pattern, head, asking=asking), somebody.weights, head)


if __name__ == "__main__":
    main()
