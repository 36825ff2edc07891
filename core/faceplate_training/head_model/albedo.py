"""Make faceplate-albedo: how the skin of London people differs over the head, from their photos.

    python -m faceplate_training.head_model.albedo --head models/open/faceplate-head-0.1.0.npz \
        --shared ../shared --out models/open/faceplate-albedo-0.1.0.npz [--skins FILE]

Skins are those of `faceplate_training.renders.skins`: photos of the 56 London people who may be trained on, projected
into the UV map, their light taken out by nine harmonics. Each is averaged about the vertices, divided by its own median
colour, and doubled by its mirror image, so that mean and components are symmetric or their own negatives. Principal
components follow, vertices of the face counting most. What they leave of people who were kept out (eight times a part
of them) is the detail.

After: Paysan et al., "A 3D Face Model for Pose and Illumination Invariant Face Recognition", AVSS 2009 (texture model).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.colour import SRGB
from faceplate.reconstruct.albedo import Albedo, write_albedo
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.uv import texels
from faceplate_training import command_line
from faceplate_training.renders.skins import SHOWN, SIDE, skins

VERSION = "0.1.0"
COMPONENTS = 16
PARTS = 8
"""People are kept out in so many turns to see what the components leave unsaid."""

BESIDE = 0.2
"""How much a vertex beside the face counts: skins there are mostly filled in."""

RANGE = (0.08, 3.0)
"""Patterns beyond this are highlights or hair, and no skin."""


def at_vertices(head: HeadModel, textures: np.ndarray) -> NDArray[np.float32]:
    """(N, V, 3) scene-linear colours about each vertex, 0 where there is none; textures (N, SIDE, SIDE, 3) uint8."""
    colours = SRGB.decode((textures / 255).astype(np.float32)).reshape(len(textures), -1, 3)
    total = np.zeros((len(textures), len(head.mean), 3))
    weight = np.zeros(len(head.mean))
    shown = np.isin(head.region_names, SHOWN)[head.quad_region]
    for part in texels(head, SIDE):
        ours = part.chosen(shown[part.face])
        for corner in range(3):
            share = ours.weights[:, corner]
            np.add.at(weight, ours.corners[:, corner], share)
            for number, colour in enumerate(colours):
                np.add.at(total[number], ours.corners[:, corner], share[:, None] * colour[ours.place])
    found = total / np.maximum(weight, 1e-9)[:, None]
    # about some vertices the mesh is finer than the texels: the one that such a vertex lies in
    quads, corners = head.quads[shown].ravel(), head.quad_uv[shown].ravel()
    place = np.clip(head.uv * (SIDE, -SIDE) + (0, SIDE), 0, SIDE - 1).astype(int)[corners]
    missed = (quads >= 0) & (weight[quads] < 1e-3)
    found[:, quads[missed]] = colours[:, place[missed, 1] * SIDE + place[missed, 0]]
    return found.astype(np.float32)


def patterns(head: HeadModel, colours: np.ndarray) -> NDArray[np.float32]:
    """(N, V, 3) colours divided by each person's own, which is the median over the face."""
    face = head.mask("face") > 0.5
    tone = np.median(colours[:, face], axis=1, keepdims=True)
    return np.clip(colours / np.maximum(tone, 1e-3), *RANGE).astype(np.float32)


def components(people: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean (V, 3) and the strongest components (count, V, 3), one standard deviation each, vertices weighted."""
    mean = people.mean(0)
    root = np.sqrt(weight)[:, None]
    away = ((people - mean) * root).reshape(len(people), -1).astype(np.float64)
    # fewer people than vertices: the small side is the one to decompose
    values, vectors = np.linalg.eigh(away @ away.T / len(people))
    order = np.argsort(values)[::-1][:count]
    found = vectors[:, order].T @ (people - mean).reshape(len(people), -1) / np.sqrt(len(people))
    return mean, found.reshape(count, *mean.shape).astype(np.float32)


def unsaid(people: np.ndarray, mirrored: np.ndarray, weight: np.ndarray, count: int) -> NDArray[np.float32]:
    """(V,) RMS of what the components of others leave of each person."""
    left, number = np.zeros(people.shape[1]), np.arange(len(people))
    for part in range(PARTS):
        out = number % PARTS == part
        mean, basis = components(np.concatenate([people[~out], mirrored[~out]]), weight, count)
        flat = (basis * np.sqrt(weight)[:, None]).reshape(count, -1).astype(np.float64)
        away = ((people[out] - mean) * np.sqrt(weight)[:, None]).reshape(out.sum(), -1)
        found = np.linalg.solve(
            flat @ flat.T + 1e-3 * np.trace(flat @ flat.T) / count * np.eye(count), flat @ away.T
        )
        rest = people[out] - mean - np.tensordot(found.T, basis, 1)
        left += (rest**2).mean(2).sum(0)
    return np.sqrt(left / len(people)).astype(np.float32)


def make_albedo(head: HeadModel, textures: np.ndarray) -> Albedo:
    """The statistics of these skins on a head."""
    people = patterns(head, at_vertices(head, textures))
    shown = head.quads[np.isin(head.region_names, SHOWN)[head.quad_region]]
    known = np.zeros(len(head.mean), bool)
    known[shown[shown >= 0]] = True
    people[:, ~known] = 1
    mirrored = people[:, head.mirror]
    weight = np.where(known, np.maximum(head.mask("face"), BESIDE), 1e-6)
    mean, basis = components(np.concatenate([people, mirrored]), weight, COMPONENTS)
    detail = unsaid(people, mirrored, weight, COMPONENTS)
    basis[:, ~known], detail[~known] = 0, 0
    return Albedo(
        f"faceplate-albedo@{VERSION}",
        "CC-BY-4.0",
        "Face Research Lab London Set, Lisa DeBruine and Benedict Jones, CC BY 4.0; changed: averaged over people",
        mean,
        basis,
        np.sqrt((detail**2 + detail[head.mirror] ** 2) / 2),
        known,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", type=Path, required=True, help="faceplate-head's .npz")
    command_line.shared(parser)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    parser.add_argument("--skins", type=Path, help="where the skins are, or are to be kept")
    asked = parser.parse_args()
    head = read_head(asked.head)
    store = asked.skins or asked.out.with_name("skins_train.npz")
    albedo = make_albedo(head, skins(head, asked.photos, store, held_out=False))
    write_albedo(albedo, head, asked.out)
    face = head.mask("face") > 0.5
    people = np.sqrt((albedo.basis[:, face] ** 2).sum(0).mean())
    print(
        f"{asked.out}: face: people differ by {people:.3f} of their tone, {albedo.detail[face].mean():.3f} unsaid"
    )


if __name__ == "__main__":
    main()
