"""Heads fitted to real portraits: how far their points lie from the given ones, and whether renders are the persons.

    .venv/bin/python tests/benchmarks/head_london.py --shared ../shared [--people 24] [--texture 1024]
        [--sheet FILE.png]

Neutral portraits of the Face Research Lab London Set with their own points, the lens unknown. Each head is fitted,
refined and baked as the command does it, and drawn over a grey card at the pose that was found. Prints the distance of
the 68 points of the fitted head from the given ones, in per cent of the distance between the eyes' outer corners, and
the likeness (cosine) of photo and render in the eyes of our identity net, beside that of the photo and the next
person's render. `--sheet` draws a contact sheet of overlays: photo, render in its place, points.

Exit code 1 where the mean distance is above 3.5 %.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from faceplate.faces import template_points
from faceplate.geometry import fit_similarity, warp
from faceplate.portraits import PortraitNets, read_portrait
from faceplate.reconstruct.albedo import read_albedo
from faceplate.reconstruct.camera import project
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.pipeline import (
    UNKNOWN_LENS,
    Reconstructed,
    ReconstructParams,
    Still,
    reconstruct_stills,
)
from faceplate.reconstruct.raster import rasterise
from faceplate.registry.catalogue import has_model, manifest_for, read_weights
from faceplate.restore.likeness import identity, similarity
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.landmarks import five_of

BAR = 3.5  # %
SHOWN = 420  # pixels high, a portrait on the sheet


def placed(head: HeadModel, made: Reconstructed) -> np.ndarray:
    """(V, 3) what the first photo's camera sees of a head: pixels and mm."""
    points = head.rest(made.fit.identity, made.fit.expressions[0]).astype(np.float64)
    return project(points, made.fit.poses[0], made.fit.cameras[0])


def drawn(head: HeadModel, made: Reconstructed, seen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 4) the head with its texture, without lashes and corneas, and where it is."""
    kept = np.array([not name.startswith(("cornea", "lashes")) for name in head.region_names])[
        head.quad_region
    ]
    triangles, _ = triangles_of(head.quads[kept])
    corners, _ = triangles_of(head.quad_uv[kept])
    raster = rasterise(seen, triangles, size)
    uv = (head.uv[corners[raster.triangle]] * raster.weights[..., None]).sum(2).astype(np.float32)
    assert made.texture is not None
    side = len(made.texture.colour)
    x, y = uv[..., 0] * side - 0.5, (1 - uv[..., 1]) * side - 0.5
    colour = cv2.remap(made.texture.colour, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = raster.covered[..., None]
    return np.concatenate([np.where(covered, colour, 0.5), covered], 2).astype(np.float32)


def known_as(pixels: np.ndarray, points: np.ndarray, net: Net) -> np.ndarray:
    """Who a face (H, W, 3) with these 68 points looks like."""
    crop = warp(pixels, fit_similarity(five_of(points), template_points("arcface_112", 112)), (112, 112))
    return identity(np.clip(crop, 0, 1), net)


def overlay(still: Still, render: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(SHOWN, W, 3) uint8 BGR: the photo, and the photo with the render laid over it and both sets of points."""
    laid = np.where(render[..., 3:] > 0, render[..., :3], still.pixels)
    low, high = still.points.min(0), still.points.max(0)
    room = 0.25 * (high - low).max()
    x0, y0 = (low - (room, 1.6 * room)).astype(int).clip(0)
    x1, y1 = (high + room).astype(int)
    scale = SHOWN / (y1 - y0)
    size = (round((x1 - x0) * scale), SHOWN)
    halves = []
    for picture in (still.pixels, laid):
        half = np.ascontiguousarray(
            cv2.resize(picture[y0:y1, x0:x1, ::-1], size, interpolation=cv2.INTER_AREA) * 255
        )
        halves.append(np.asarray(half, np.uint8))
    for points, colour in ((still.points, (60, 220, 60)), (found, (40, 40, 255))):
        for x, y in (points - (x0, y0)) * scale:
            cv2.circle(halves[1], (round(float(x)), round(float(y))), 2, colour, -1, cv2.LINE_AA)
    return np.hstack(halves)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--texture", type=int, default=1024)
    parser.add_argument("--sheet", type=Path, default=None)
    asked = parser.parse_args()
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    net = open_net(manifest_for("face.identity"), device="cpu") if has_model("face.identity") else None
    params = ReconstructParams(asked.texture, UNKNOWN_LENS, albedo)
    far, photos, renders, tiles = [], [], [], []
    for path in sorted((asked.shared / "photos" / "london").glob("*_neutral.jpg"))[: asked.people]:
        still = read_portrait(path, PortraitNets(), points=path.with_suffix(".pts189.txt")).still
        made = reconstruct_stills(head, [still], params)
        seen = placed(head, made)
        found = head.landmarks["68"].on(seen)[:, :2]
        far.append(100 * np.linalg.norm(found - still.points, axis=1).mean() / still.eyes_apart)
        render = drawn(head, made, seen, still.pixels.shape[:2])
        if net is not None:
            photos.append(known_as(still.pixels, still.points, net))
            renders.append(known_as(render[..., :3], still.points, net))
        if asked.sheet is not None:
            tiles.append(overlay(still, render, found))
        print(f"{path.name}: {far[-1]:.2f} %", flush=True)
    print(
        f"{len(far)} portraits: points {np.mean(far):.2f} % of the eyes' distance, the worst portrait {max(far):.2f} %"
    )
    if len(photos) > 1:
        own = [similarity(*pair) for pair in zip(photos, renders, strict=True)]
        others = [similarity(photo, renders[k - 1]) for k, photo in enumerate(photos)]
        print(
            f"likeness of photo and render {np.median(own):.2f} (median, least {min(own):.2f}); "
            f"of others {np.median(others):.2f} (most {max(others):.2f})"
        )
    if asked.sheet is not None:
        wide = max(tile.shape[1] for tile in tiles)
        even = [cv2.copyMakeBorder(t, 0, 0, 0, wide - t.shape[1], cv2.BORDER_CONSTANT) for t in tiles]
        even += [np.zeros_like(even[0])] * (-len(even) % 4)
        cv2.imwrite(str(asked.sheet), np.vstack([np.hstack(even[k : k + 4]) for k in range(0, len(even), 4)]))
    sys.exit(1 if np.mean(far) > BAR else 0)


if __name__ == "__main__":
    main()
