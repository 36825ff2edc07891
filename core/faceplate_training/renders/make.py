"""Draw renders and keep them in files of a few hundred, to be trained on and measured with.

    python -m faceplate_training.renders.make --head FILE --shared DIR --out DIR [--count 4000] [--held-out]

Picture n of a seed is the same wherever and whenever it is drawn; a run that was cut short goes on where it stopped.
Held-out renders have skins of London people who are never trained on, and seeds of their own.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.head_file import read_head
from faceplate.registry.catalogue import manifest_for, verify
from faceplate_training import command_line
from faceplate_training.renders.light import panoramas
from faceplate_training.renders.scene import Render, Studio
from faceplate_training.renders.skins import skins

SHARD = 250
TRAIN, HELD_OUT = "train", "held_out"


@dataclass(frozen=True)
class Renders:
    """Many renders at once; every array's first axis counts them, the others are those of `Render`."""

    pixels: NDArray[np.uint8]
    points: NDArray[np.float32]
    visible: NDArray[np.bool_]
    turn: NDArray[np.float32]
    regions: NDArray[np.uint8]
    yaw: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def gathered(cls, renders: Sequence[Render]) -> Self:
        """Single renders, whose arrays have the same names, as one."""
        drawn = {name: np.stack([getattr(one, name) for one in renders]) for name in cls.names()}
        return cls(**{**drawn, "yaw": drawn["yaw"].astype(np.float32)})

    @classmethod
    def read(cls, folder: Path, prefix: str) -> Self:
        """All renders of a prefix ("train", "held_out") that were kept in a folder so far, in order.

        Raises:
            FileNotFoundError: there is none.
        """
        shards = []
        for path in sorted(folder.glob(f"{prefix}_*.npz")):
            with np.load(path) as data:
                shards.append({name: data[name] for name in cls.names()})
        if not shards:
            raise FileNotFoundError(
                f"{folder} holds no {prefix} renders; the recipe's README says what draws them."
            )
        return cls(**{name: np.concatenate([shard[name] for shard in shards]) for name in cls.names()})

    @classmethod
    def names(cls) -> list[str]:
        """Of the arrays."""
        return [field.name for field in fields(cls)]


def make(
    studio: Studio, folder: Path, prefix: str, seed: int, count: int, kind: type[Renders] = Renders
) -> None:
    """Draw what is missing of `count` renders, a file of SHARD at a time."""
    for first in range(0, count, SHARD):
        path = folder / f"{prefix}_{first:06d}.npz"
        if path.exists():
            continue
        drawn = kind.gathered(
            [studio.render(np.random.default_rng([seed, n])) for n in range(first, min(first + SHARD, count))]
        )
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            np.savez_compressed(file, **{name: getattr(drawn, name) for name in kind.names()})
        temporary.replace(path)
        print(path.name, flush=True)


def held_out_renders(folder: Path, shared: Path, count: int = 250) -> Renders:
    """The renders of people who are never trained on, drawn where the folder holds none.

    Args:
        folder: of the renders. shared: with photos and panoramas.
    """
    if not any(folder.glob(f"{HELD_OUT}_*.npz")):
        head = read_head(verify(manifest_for("head.model")))
        faces = skins(head, shared / "photos", folder / "skins_held_out.npz", held_out=True)
        make(
            Studio(head, faces, panoramas(shared / "hdri")),
            folder,
            HELD_OUT,
            seed_of(1, held_out=True),
            count,
        )
    return Renders.read(folder, HELD_OUT)


def seed_of(seed: int, *, held_out: bool) -> int:
    """Held-out renders have seeds of their own."""
    return seed + (1_000_000 if held_out else 0)


def contact_sheet(renders: Renders, path: Path, *, columns: int = 8, rows: int = 5) -> None:
    """Write the first renders side by side, every second with its points: green where seen, red where hidden."""
    tiles = []
    for n in range(min(len(renders), columns * rows)):
        tile = cv2.resize(renders.pixels[n], None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
        for (x, y), seen in zip(renders.points[n], renders.visible[n] if n % 2 else [], strict=False):
            colour = (0, 255, 0) if seen else (255, 0, 0)
            cv2.circle(tile, (int(x * 1.5), int(y * 1.5)), 2, colour, -1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.ascontiguousarray(np.vstack(lines)[..., ::-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", type=Path, required=True, help="faceplate-head's .npz")
    command_line.shared(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for skins, renders and a contact sheet"
    )
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="draw people who are never trained on")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    prefix = HELD_OUT if options.held_out else TRAIN
    head = read_head(options.head)
    faces = skins(
        head, options.shared / "photos", options.out / f"skins_{prefix}.npz", held_out=options.held_out
    )
    studio = Studio(head, faces, panoramas(options.shared / "hdri"))
    make(studio, options.out, prefix, seed_of(options.seed, held_out=options.held_out), options.count)
    contact_sheet(Renders.read(options.out, prefix), options.out / f"{prefix}.png")


if __name__ == "__main__":
    main()
