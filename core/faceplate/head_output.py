"""A reconstructed head into files: .glb, USD, .obj or .npz, each whole or not there at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from faceplate.farm.store import publish
from faceplate.reconstruct.gltf import write_glb
from faceplate.reconstruct.jaw import jaw_motion
from faceplate.reconstruct.mesh import TEXTURED, face_materials, material_of, write_mtl, write_npz, write_obj
from faceplate.reconstruct.morphable import POSE_NAMES, HeadModel
from faceplate.reconstruct.performance import Performance
from faceplate.reconstruct.pipeline import Reconstructed, Still
from faceplate.reconstruct.relief import MOST, Relief
from faceplate.reconstruct.texture import Texture
from faceplate.reconstruct.usd import ENDINGS as USD_ENDINGS
from faceplate.reconstruct.usd import expect_usd, vertices_in, write_usd, write_usdz
from faceplate.reconstruct.uv import FIRST_TILE, UDIM, over_tiles, picture_name
from faceplate_client.errors import OutputError, RequestError

ENDINGS = (".glb", *USD_ENDINGS, ".obj", ".npz")

_SPEED = 2  # of PNG's ten levels of effort; more costs seconds at 4K and saves a tenth


_BESIDE = (".obj", ".usdc", ".usda")  # what has its pictures as files of their own
_KINDS = {"colour": "", "confidence": ".confidence", "normals": ".normal", "displacement": ".displacement"}


@dataclass(frozen=True)
class Pictures:
    """A head's pictures as PNG files, each by its tile: 0 for the UV map of one tile, else UDIM's numbers.

    `colour`: base colour. `confidence`: how well photos show it. `normals`, `displacement`: of skin; 0.5 is no
    displacement and 1 is `relief.MOST` mm outwards.
    """

    colour: dict[int, bytes] = field(default_factory=dict)
    confidence: dict[int, bytes] = field(default_factory=dict)
    normals: dict[int, bytes] = field(default_factory=dict)
    displacement: dict[int, bytes] = field(default_factory=dict)

    def add(self, tile: int, texture: Texture, relief: Relief | None) -> None:
        """Take the pictures of a tile; of a texture of 4096 some 20 MB are left of 270."""
        self.colour[tile], self.confidence[tile] = png_of(texture.colour), png_of(texture.confidence)
        if relief is not None:
            self.normals[tile] = png_of(relief.normals)
            self.displacement[tile] = png_of(relief.height / (2 * MOST) + 0.5)

    def named(self, path: Path) -> dict[Path, bytes]:
        """All of them under their names beside a head."""
        return {
            _beside(path, kind, tile): content
            for kind in _KINDS
            for tile, content in getattr(self, kind).items()
        }

    def name(self, path: Path, kind: str) -> str:
        """What a head at `path` calls those of a kind; "" where there are none."""
        tiles: Mapping[int, bytes] = getattr(self, kind)
        return _beside(path, kind, 0 if 0 in tiles else UDIM).name if tiles else ""


def outputs_for(path: Path, *, textured: bool, udim: bool = False) -> list[Path]:
    """Every file that writing a head makes; with `udim` those of all ten tiles that it might have.

    Raises:
        RequestError: an ending that is none of `ENDINGS`, or whose format has no UDIM.
        OutputError: `output.usd`, USD is asked for and not installed.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise RequestError(f"-o {path} should end in {', '.join(ENDINGS)}: that says what is written")
    if udim and ending == ".glb":
        raise RequestError(
            f"{path} can hold no UDIM tiles, since glTF knows none: leave out --udim, or write .usdc, .obj or .npz."
        )
    if ending in USD_ENDINGS:
        expect_usd()
    tiles = range(FIRST_TILE, FIRST_TILE + 10) if udim else [0]
    pictures = [_beside(path, kind, tile) for kind in _KINDS for tile in tiles]
    return [
        path,
        *([path.with_suffix(".mtl")] if ending == ".obj" else []),
        *(pictures if textured and ending in _BESIDE else []),
    ]


def write_reconstructed(
    path: Path,
    head: HeadModel,
    made: Reconstructed,
    stills: Sequence[Still] = (),
    performance: Performance | None = None,
    tiles: Pictures | None = None,
) -> None:
    """Write a head as its name's ending says.

    `.glb`, `.usdz` and `.npz` hold all in one file; `.usdc`, `.usda` and `.obj` have their pictures beside them; `.obj`
    is the neutral mesh, with its materials beside it. What the `.npz` holds is listed in docs/heads.md; the Blender
    add-on reads that, and with `stills`, the photos it was made from, finds where each stood before its camera. All but
    `.obj` hold a performance: keys at its frames, or arrays of it.

    Args:
        tiles: None for the UV map of one tile and the head's own texture. Else UVs are UDIM's, and these its pictures.

    Raises:
        RequestError: an ending that is not known, or that has no UDIM. OutputError: a file that cannot be written.
    """
    outputs_for(path, textured=True, udim=tiles is not None)
    pictures, laid = tiles, over_tiles(head)
    if pictures is None:
        pictures, laid = Pictures(), head
        if made.texture is not None:
            pictures.add(0, made.texture, made.relief)
    ending = path.suffix.lower()
    for name, content in pictures.named(path).items() if ending in _BESIDE else ():
        _publish(name, lambda to, content=content: to.write_bytes(content))
    if ending == ".glb":
        colour, bumps = pictures.colour.get(0), pictures.normals.get(0)
        _publish(
            path,
            lambda to: write_glb(
                to, head, made.neutral, texture=colour, normal_map=bumps, performance=performance
            ),
        )
    elif ending == ".usdz":
        held = {"texture": pictures.colour, "normals": pictures.normals}
        _publish(path, lambda to: write_usdz(to, laid, made.neutral, performance=performance, **held))
    elif ending in USD_ENDINGS:
        colour, bumps = pictures.name(path, "colour"), pictures.name(path, "normals")
        _publish(
            path,
            lambda to: write_usd(
                to, laid, made.neutral, texture=colour, normals=bumps, performance=performance
            ),
        )
    elif ending == ".npz":
        _publish(path, lambda to: _write_arrays(to, laid, made, stills, performance, pictures))
    else:
        _write_obj(path, laid, made.neutral, pictures)


def _write_obj(path: Path, head: HeadModel, points: np.ndarray, pictures: Pictures) -> None:
    """The mesh and its materials."""
    by_tile = bool(pictures.colour) and 0 not in pictures.colour
    names = np.unique(face_materials(head, by_tile=TEXTURED if by_tile else ())).tolist()
    maps = {
        word: pictures.name(path, kind)
        for word, kind in (
            ("texture", "colour"),
            ("normals", "normals"),
            ("displacement", "displacement"),
        )
    }
    materials = path.with_suffix(".mtl")
    _publish(materials, lambda to: write_mtl(to, deep=MOST, names=names, **maps))
    _publish(path, lambda to: write_obj(to, head, points, materials=materials.name, by_tile=by_tile))


def _beside(path: Path, kind: str, tile: int | str) -> Path:
    return path.with_name(picture_name(path.stem + _KINDS[kind], tile))


def png_of(picture: np.ndarray) -> bytes:
    """A picture (H, W, 3) or (H, W), 0-1, as an 8-bit PNG file."""
    # rows at a time: rounding 4K at once takes three copies of 200 MB
    stored = np.empty(picture.shape, np.uint8)
    for first in range(0, len(picture), 128):
        rows = slice(first, first + 128)
        stored[rows] = np.clip(picture[rows] * 255 + 0.5, 0, 255)
    done, content = cv2.imencode(
        ".png", stored if stored.ndim == 2 else stored[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, _SPEED]
    )
    if not done:
        raise OutputError("the texture could not be encoded as PNG; try a smaller --texture")
    return content.tobytes()


def _write_arrays(
    path: Path,
    head: HeadModel,
    made: Reconstructed,
    stills: Sequence[Still],
    performance: Performance | None,
    pictures: Pictures,
) -> None:
    moved = np.abs(head.expressions).max(2)
    which, vertex = np.nonzero(moved)
    write_npz(
        path,
        head,
        made.neutral,
        identity=made.fit.identity,
        expressions=np.array(made.fit.expressions),
        spread=made.spread,
        expression_names=np.array(head.expression_names),
        expression_roles=np.array(head.expression_roles),
        drivers=head.drivers,
        key_index=which.astype(np.int32),
        key_vertex=vertex.astype(np.int32),
        key_move=head.expressions[which, vertex],
        region_names=np.array(head.region_names),
        region_materials=np.array([material_of(region) for region in head.region_names]),
        quad_region=head.quad_region,
        joint_names=np.array(head.joint_names),
        joint_parents=head.joint_parents,
        joints=head.joints(made.neutral),
        skin=head.skin,
        credit=np.array(head.credit),
        **_photos(made, stills),
        **_clip(head, made.neutral, performance),
        **_pictures(pictures),
    )


def _pictures(pictures: Pictures) -> dict[str, np.ndarray]:
    """Bytes of PNG files by name, that of a tile with its number; `tiles` says which there are."""
    words = {"colour": "texture"}
    found = {
        f"{words.get(kind, kind)}_{tile}" if tile else words.get(kind, kind): np.frombuffer(content, np.uint8)
        for kind in _KINDS
        for tile, content in getattr(pictures, kind).items()
    }
    tiles = [tile for tile in pictures.colour if tile]
    return found | ({"tiles": np.array(tiles, np.int32)} if tiles else {})


def _photos(made: Reconstructed, stills: Sequence[Still]) -> dict[str, np.ndarray]:
    """Where the head stood in each photo, as docs/heads.md lists it; nothing without photos."""
    if not stills:
        return {}
    fit = made.fit
    return {
        "photo_sizes": np.array([still.pixels.shape[1::-1] for still in stills], np.int32),
        "photo_points": np.array([still.points for still in stills], np.float32),
        "photo_turns": np.array([pose.turn for pose in fit.poses]),
        "photo_moves": np.array([pose.move for pose in fit.poses]),
        "photo_focals": np.array([camera.focal for camera in fit.cameras]),
        "photo_centres": np.array([camera.centre for camera in fit.cameras]),
    }


def _clip(head: HeadModel, neutral: np.ndarray, performance: Performance | None) -> dict[str, np.ndarray]:
    """What the head does, as docs/heads.md lists it; nothing without a clip."""
    if performance is None:
        return {}
    turns = np.full((2, len(performance.frames), 3), np.nan, np.float32)
    for row in np.flatnonzero(performance.found):
        jaw = jaw_motion(head, neutral, performance.weights[row])
        if jaw is not None:
            turns[:, row] = jaw
    return {
        "clip_frames": performance.frames,
        "clip_rate": np.array(performance.rate.as_integer_ratio(), np.int64),
        "clip_weights": performance.weights,
        "clip_fitted": performance.fitted,
        "clip_poses": performance.poses(head).astype(np.float32),
        "clip_pose_names": np.array(POSE_NAMES),
        "clip_jaw_turns": turns[0],
        "clip_jaw_moves": turns[1],
        "clip_off": performance.off.astype(np.float32),
    }


def _publish(path: Path, write: Callable[[Path], object]) -> None:
    publish(path, write, verify=_expect_content)


def _expect_content(path: Path) -> None:
    """What was written is there, and where its form says how long it is, as long as that."""
    content = path.read_bytes()
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as held:
            whole = len(held["vertices"]) > 0
    elif path.suffix.lower() in USD_ENDINGS:
        whole = vertices_in(path) > 0
    elif path.suffix == ".glb":
        whole = int.from_bytes(content[8:12], "little") == len(content)
    else:
        whole = bool(content)
    if not whole:
        raise OutputError(f"{path} is not what was written; check the disk and try again")
