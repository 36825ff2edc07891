"""A reconstructed head into files: .glb, USD, .obj or .npz, each whole or not there at all."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from faceplate.farm.store import publish
from faceplate.reconstruct.gltf import write_glb
from faceplate.reconstruct.mesh import material_of, write_mtl, write_npz, write_obj
from faceplate.reconstruct.morphable import POSE_NAMES, HeadModel
from faceplate.reconstruct.performance import Performance
from faceplate.reconstruct.pipeline import Reconstructed, Still
from faceplate.reconstruct.relief import MOST
from faceplate.reconstruct.usd import ENDINGS as USD_ENDINGS
from faceplate.reconstruct.usd import expect_usd, vertices_in, write_usd, write_usdz
from faceplate_client.errors import OutputError, RequestError

ENDINGS = (".glb", *USD_ENDINGS, ".obj", ".npz")

_SPEED = 2  # of PNG's ten levels of effort; more costs seconds at 4K and saves a tenth


def outputs_for(path: Path, *, textured: bool) -> list[Path]:
    """Every file that writing a head makes.

    Raises:
        RequestError: an ending that is none of `ENDINGS`.
        OutputError: `output.usd`, USD is asked for and not installed.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise RequestError(f"-o {path} should end in {', '.join(ENDINGS)}: that says what is written")
    if ending in USD_ENDINGS:
        expect_usd()
    if ending in (".usdc", ".usda"):
        return [path, *([path.with_suffix(".png")] if textured else [])]
    if ending != ".obj":
        return [path]
    pictures = [path.with_suffix(".png"), path.with_name(f"{path.stem}.confidence.png")] if textured else []
    return [path, path.with_suffix(".mtl"), *pictures]


def write_reconstructed(
    path: Path,
    head: HeadModel,
    made: Reconstructed,
    stills: Sequence[Still] = (),
    performance: Performance | None = None,
) -> None:
    """Write a head as its name's ending says.

    `.glb`, `.usdz` and `.npz` hold all in one file; `.usdc` and `.usda` have their texture beside them; `.obj` is the
    neutral mesh, with its materials and pictures beside it. What the `.npz` holds is listed in docs/heads.md; the
    Blender add-on reads that, and with `stills`, the photos it was made from, finds where each stood before its camera.
    All but `.obj` hold a performance: keys at its frames, or arrays of it.

    Raises:
        RequestError: an ending that is not known. OutputError: a file that cannot be written.
    """
    names = outputs_for(path, textured=made.texture is not None)
    colour = png_of(made.texture.colour) if made.texture else None
    confidence = png_of(made.texture.confidence) if made.texture else None
    ending = path.suffix.lower()
    if ending == ".glb":
        bumps = png_of(made.relief.normals) if made.relief else None
        _publish(
            path,
            lambda to: write_glb(
                to, head, made.neutral, texture=colour, normal_map=bumps, performance=performance
            ),
        )
    elif ending == ".usdz":
        _publish(path, lambda to: write_usdz(to, head, made.neutral, texture=colour, performance=performance))
    elif ending in USD_ENDINGS:
        for name in names[1:]:
            _publish(name, lambda to: to.write_bytes(colour or b""))
        texture = names[1].name if colour else ""
        _publish(path, lambda to: write_usd(to, head, made.neutral, texture=texture, performance=performance))
    elif ending == ".npz":
        _publish(path, lambda to: _write_arrays(to, head, made, stills, performance, colour, confidence))
    else:
        for name, content in zip(names[2:], (colour, confidence), strict=False):
            _publish(name, lambda to, content=content: to.write_bytes(content or b""))
        _publish(names[1], lambda to: write_mtl(to, texture=names[2].name if colour else ""))
        _publish(path, lambda to: write_obj(to, head, made.neutral, materials=names[1].name))


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
    colour: bytes | None,
    confidence: bytes | None,
) -> None:
    moved = np.abs(head.expressions).max(2)
    which, vertex = np.nonzero(moved)
    pictures = {"texture": colour, "confidence": confidence}
    if made.relief:
        pictures["normals"] = png_of(made.relief.normals)
        pictures["displacement"] = png_of(made.relief.height / (2 * MOST) + 0.5)
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
        **_clip(head, performance),
        **{name: np.frombuffer(png, np.uint8) for name, png in pictures.items() if png},
    )


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


def _clip(head: HeadModel, performance: Performance | None) -> dict[str, np.ndarray]:
    """What the head does, as docs/heads.md lists it; nothing without a clip."""
    if performance is None:
        return {}
    return {
        "clip_frames": performance.frames,
        "clip_rate": np.array(performance.rate.as_integer_ratio(), np.int64),
        "clip_weights": performance.weights,
        "clip_fitted": performance.fitted,
        "clip_poses": performance.poses(head).astype(np.float32),
        "clip_pose_names": np.array(POSE_NAMES),
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
