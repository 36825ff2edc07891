"""How much of a photo's light is left in a head's texture.

    .venv/bin/python tests/benchmarks/head_light.py --shared ../shared [--people 12]

Draws the people of `head_error.py`, finds them, fits and refines a head to one picture, and compares what the picture
shows at each vertex of the face that it shows well with the skin that was drawn there: the logarithm of their ratio,
less its median for each colour, since nobody can know how light or red the lamp was. Prints the median and the RMS of
that over the face, as medians over people: as the picture shows it, and with the fitted light taken out.

No shadow is cast in these pictures and no light is kept from eye sockets; what photos have of both stays in a texture.

Exit code 1 if less than half of the median is taken out.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from head_error import FIRST_SEED, Sitting, drawn, stills_of

from faceplate.colour import SRGB, linear_from_srgb
from faceplate.portraits import open_portrait_nets
from faceplate.reconstruct.albedo import read_albedo
from faceplate.reconstruct.delight import excess_light
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.pipeline import ReconstructParams, Still, reconstruct_stills
from faceplate.reconstruct.visible import show
from faceplate.registry.catalogue import manifest_for, read_weights
from faceplate_client.errors import FaceplateError
from faceplate_training.head_model.albedo import at_vertices
from faceplate_training.renders.light import panoramas
from faceplate_training.renders.skins import skins


def drawn_skin(head: HeadModel, studio: Sitting) -> np.ndarray:
    """(V, 3) scene-linear, the skin that the sitter was given."""
    texture, tone = studio.own
    encoded = np.clip(SRGB.encode(texture), 0, 1) * 255
    return at_vertices(head, np.round(encoded).astype(np.uint8)[None])[0] * tone


def left_of_light(head: HeadModel, still: Still, albedo, skin: np.ndarray) -> list[tuple[float, float]]:
    """Median and RMS of the logarithm that is left, as shown and with the light taken out."""
    made = reconstruct_stills(head, [still], ReconstructParams(0, 0.25, albedo))
    assert made.refined is not None
    fit = made.fit
    points = head.rest(fit.identity, fit.expressions[0])
    photo = show(head, points, fit.poses[0], fit.cameras[0], still.pixels)
    colours = linear_from_srgb(photo.blurred(1.5).colours(*photo.points[:, :2].T))
    known = (head.mask("face") > 0.5) & (photo.at_vertices() > 0.3)
    known &= (skin.min(1) > 1e-3) & (colours.min(1) > 1e-3)
    (excess,) = excess_light(head, [photo], [points], made.refined.lights)
    found = []
    for taken in (np.ones_like(excess), excess):
        off = np.log(colours[known] / taken[known] / skin[known])
        off -= np.median(off, axis=0)
        found.append((float(np.median(np.abs(off))), float(np.sqrt((off**2).mean()))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--skins", type=Path, default=None, help="file to keep the held-out skins in")
    asked = parser.parse_args()
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    with tempfile.TemporaryDirectory() as folder:
        faces = skins(head, asked.shared / "photos", asked.skins or Path(folder) / "skins.npz", held_out=True)
    studio = Sitting(head, faces, panoramas(asked.shared / "hdri"))
    nets = open_portrait_nets("cpu", find=True, compare=False)
    table = []
    for seed in range(FIRST_SEED, FIRST_SEED + asked.people):
        _, sitters, pictures = drawn(studio, head, seed, 1, 0.0)
        try:
            (still,) = stills_of(head, pictures, sitters, nets)
        except FaceplateError:
            continue
        table.append(left_of_light(head, still, albedo, drawn_skin(head, studio)))
    shown, taken = np.median(np.array(table), axis=0)
    print(f"{len(table)} people: |log| as shown {shown[0]:.3f} (RMS {shown[1]:.3f})")
    print(f"  light taken out {taken[0]:.3f} (RMS {taken[1]:.3f})")
    sys.exit(0 if taken[0] <= 0.5 * shown[0] else 1)


if __name__ == "__main__":
    main()
