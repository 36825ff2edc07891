"""Renders for parsing: larger, with more before the face, and held out in their light as well as in their people.

python -m faceplate_training.parse_face.scenes --head FILE --shared DIR --out DIR [--count 2400]
    [--held-out]
"""

import argparse
from pathlib import Path

from faceplate.reconstruct.head_file import read_head
from faceplate_training import command_line
from faceplate_training.renders.light import Panorama, panoramas
from faceplate_training.renders.make import Renders, contact_sheet, make
from faceplate_training.renders.scene import Studio
from faceplate_training.renders.skins import skins
from faceplate_training.renders.wear import Wardrobe

SIDE = 320
"""Side of the pictures: the FFHQ square of a head that looks into the lens is then about as wide as the net's crop."""

WARDROBE = Wardrobe(glasses=0.25, hand=0.14, thing=0.16, palm=0.18, microphone=0.1, full_hair=True)

HELD_OUT_LIGHT = 4
"""Every fourth panorama, in the order of their names, is never trained under."""

SEED = 41


def split_light(found: list[Panorama], *, held_out: bool) -> list[Panorama]:
    """The panoramas of one side of the split."""
    return [sky for number, sky in enumerate(found) if (number % HELD_OUT_LIGHT == 2) == held_out]


def prefix_of(*, held_out: bool) -> str:
    """What the files of one side of the split begin with."""
    return "parse_held_out" if held_out else "parse_train"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--head", type=Path, required=True, help="faceplate-head's .npz")
    command_line.shared(words)
    words.add_argument(
        "--out", type=Path, required=True, help="folder for skins, renders and a contact sheet"
    )
    words.add_argument("--count", type=int, default=2400)
    words.add_argument(
        "--held-out", action="store_true", help="draw people and light that are never trained on"
    )
    chosen = words.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    head, prefix = read_head(chosen.head), prefix_of(held_out=chosen.held_out)
    store = chosen.out / f"skins_{'held_out' if chosen.held_out else 'train'}.npz"
    faces = skins(head, chosen.shared / "photos", store, held_out=chosen.held_out)
    light = split_light(panoramas(chosen.shared / "hdri"), held_out=chosen.held_out)
    studio = Studio(head, faces, light, WARDROBE, SIDE)
    make(studio, chosen.out, prefix, SEED + (1_000_000 if chosen.held_out else 0), chosen.count)
    contact_sheet(Renders.read(chosen.out, prefix), chosen.out / f"{prefix}.png")


if __name__ == "__main__":
    main()
