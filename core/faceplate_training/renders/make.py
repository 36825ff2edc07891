"""Draw renders and keep them in files of a few hundred, to be trained on and measured with.

    python -m faceplate_training.renders.make --shared DIR --out DIR [--head FILE] [--count 4000] [--held-out]

Picture n of a seed is the same wherever and whenever it is drawn; a run that was cut short goes on where it stopped.
Held-out renders have skins of London people who are never trained on, and seeds of their own. What a recipe draws is a
`Series`; the one drawn here is what landmarks are measured on.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.registry.catalogue import manifest_for, verify
from faceplate_training import command_line
from faceplate_training.renders.light import Panorama, panoramas
from faceplate_training.renders.scene import Render, Studio
from faceplate_training.renders.skins import skins

SHARD = 250


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


Kind = TypeVar("Kind", bound=Renders)


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


def shipped_head() -> HeadModel:
    """faceplate-head, as the open pack has it."""
    return read_head(verify(manifest_for("head.model")))


def any_light(found: list[Panorama], held_out: bool) -> list[Panorama]:
    """All panoramas, whoever sits under them."""
    return found


@dataclass(frozen=True)
class Series(Generic[Kind]):
    """What a recipe draws, for training and held out, in files of their own beside their skins.

    `name`: what the files' names begin with, "" for nothing. `kind`: what they are read as. `seed`: of the training
    side. `count`: how many that side has where nobody says. `studio`: makes one of the head, skins and panoramas.
    `light`: which of all panoramas a side may have.
    """

    name: str
    kind: type[Kind]
    seed: int
    count: int
    studio: Callable[[HeadModel, NDArray[np.uint8], list[Panorama]], Studio] = Studio
    light: Callable[[list[Panorama], bool], list[Panorama]] = any_light

    def prefix(self, *, held_out: bool) -> str:
        """What the files of one side begin with."""
        return f"{self.name}_{_side(held_out)}" if self.name else _side(held_out)

    def drawn(self, folder: Path, *, held_out: bool) -> bool:
        """Whether a folder holds any of one side."""
        return any(folder.glob(f"{self.prefix(held_out=held_out)}_*.npz"))

    def draw(self, folder: Path, shared: Path, head: HeadModel, count: int, *, held_out: bool) -> None:
        """Draw what is missing of `count` renders of one side. shared: with photos and panoramas."""
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / f"skins_{_side(held_out)}.npz"
        faces = skins(head, shared / "photos", store, held_out=held_out)
        studio = self.studio(head, faces, self.light(panoramas(shared / "hdri"), held_out))
        seed = self.seed + (1_000_000 if held_out else 0)
        make(studio, folder, self.prefix(held_out=held_out), seed, count, self.kind)

    def read(self, folder: Path, *, held_out: bool) -> Kind:
        """One side's renders; FileNotFoundError where there are none."""
        return self.kind.read(folder, self.prefix(held_out=held_out))

    def held_out(self, folder: Path, shared: Path, count: int = SHARD) -> Kind:
        """Those never trained on, drawn where the folder holds none."""
        if not self.drawn(folder, held_out=True):
            self.draw(folder, shared, shipped_head(), count, held_out=True)
        return self.read(folder, held_out=True)

    def command(self, doc: str | None) -> None:
        """Draw as the command line says, and write a contact sheet beside the renders. doc: the recipe's own words."""
        parser = argparse.ArgumentParser(
            description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--head", type=Path, help="faceplate-head's .npz; default: the open pack's")
        command_line.shared(parser)
        parser.add_argument(
            "--out", type=Path, required=True, help="folder for skins, renders and a contact sheet"
        )
        parser.add_argument("--count", type=int, default=self.count)
        parser.add_argument("--held-out", action="store_true", help="draw what is never trained on")
        asked = parser.parse_args()
        head = read_head(asked.head) if asked.head else shipped_head()
        self.draw(asked.out, asked.shared, head, asked.count, held_out=asked.held_out)
        prefix = self.prefix(held_out=asked.held_out)
        contact_sheet(self.read(asked.out, held_out=asked.held_out), asked.out / f"{prefix}.png")


def _side(held_out: bool) -> str:
    return "held_out" if held_out else "train"


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


USUAL = Series("", Renders, seed=1, count=4000)

if __name__ == "__main__":
    USUAL.command(__doc__)
