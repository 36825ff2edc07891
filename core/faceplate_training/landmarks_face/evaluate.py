"""Measures a landmark net on people and renders it never saw, and prints a table.

    python -m faceplate_training.landmarks_face.evaluate --weights WEIGHTS --shared DIR [--renders DIR] [--head FILE]

WEIGHTS is an ONNX file or a run's checkpoint.pt. Errors are mean distances over the distance between the eyes' middles.
On a turned head that distance looks shorter than it is, so renders are also given with the foreshortening undone.
London: 14 people, found by the pack's own detector; "same" are the 34 points that London's marks say directly, the
others are laid along its contours. Renders: the skins of those 14 people, faces misplaced as a detector misplaces them.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from faceplate.faces import Face
from faceplate.geometry import apply, fit_similarity
from faceplate.nets.reconstruct_net import ReconstructNet
from faceplate.plate import Plate
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.registry.catalogue import manifest_for, verify
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate.stages.landmarks import TEMPLATE, Landmarks, find_landmarks, five_of
from faceplate_training.degrade import degrade
from faceplate_training.landmarks_face.views import london, misplaced, rendered
from faceplate_training.reconstruct_face.shipped import PointsAlone
from faceplate_training.renders.london import SAME, marked, read_photo
from faceplate_training.renders.make import USUAL, Renders
from faceplate_training.trained_net import TrainedNet

SEED = 2026
BANDS = ((0, 15), (15, 30), (30, 45), (45, 60), (60, 80))
"""Degrees of yaw, from and to."""


def open_weights(path: Path) -> Net:
    """A net from an ONNX file or a checkpoint."""
    if path.suffix == ".pt":
        trained = TrainedNet(ReconstructNet(), path)
        trained.net = PointsAlone(trained.net)  # pyright: ignore[reportArgumentType]
        return trained
    providers = ("CPUExecutionProvider",)
    return OnnxNet(path.read_bytes(), id=path.stem, template="", providers=providers, threads=1)


def errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(68,) distances over the distance between the eyes' middles."""
    five = five_of(truth)
    return np.linalg.norm(found - truth, axis=1) / np.linalg.norm(five[1] - five[0])


def london_errors(
    net: Net, root: Path, *, worn: bool = False
) -> Iterator[tuple[np.ndarray, Landmarks, np.ndarray]]:
    """Errors (68,), what was found and the picture, for every held-out London face that is found at 512 px."""
    detector = open_net(manifest_for("face.detect"), device="cpu")
    for number, item in enumerate(item for item in marked(root) if item.photo.held_out):
        photo = read_photo(item.photo.path)
        scale = 512 / photo.shape[0]
        small = np.asarray(
            cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32
        )
        if worn:
            small = degrade(small, 0.5, np.random.default_rng([SEED, number]))
        plate = Plate.of((small / 255).astype(np.float32))
        faces = detect_faces(plate, detector, smallest=100)
        if faces:
            found = find_landmarks(plate, faces[0], net)
            yield errors(found.points, item.points * scale), found, small


def render_errors(net: Net, renders: Renders) -> dict[str, np.ndarray]:
    """Of every held-out render: `off` (N, 68), `seen` (N, 68), `said` (N, 68) visibility found, `yaw` (N,) degrees,
    `turn` (N,) degrees between the head's turn and the one found, `spread` (N, 68) as shares of the eyes' distance,
    `short` (N,) how long the line between the eyes looks against its length.
    """
    truth = rendered(renders)
    rows: dict[str, list] = {name: [] for name in ("off", "seen", "said", "yaw", "turn", "spread", "short")}
    for number, pixels in enumerate(truth.pixels):
        rng = np.random.default_rng([SEED, number])
        five = misplaced(five_of(truth.points[number]), rng)
        found = find_landmarks(Plate.of(pixels.astype(np.float32) / 255), Face((0, 0, 256, 256), five), net)
        matrix = cv2.Rodrigues(truth.turn[number].astype(np.float64))[0]
        other = cv2.Rodrigues(found.turn.astype(np.float64))[0]
        eyes = five_of(truth.points[number])
        rows["off"].append(errors(found.points, truth.points[number]))
        rows["seen"].append(truth.visible[number] > 0.5)
        rows["said"].append(found.visible)
        rows["yaw"].append(np.degrees(np.arctan2(matrix[0, 2], matrix[2, 2])))
        rows["turn"].append(np.degrees(np.linalg.norm(cv2.Rodrigues(other @ matrix.T)[0])))
        rows["spread"].append(found.spread / np.linalg.norm(eyes[1] - eyes[0]))
        rows["short"].append(np.hypot(matrix[0, 0], matrix[1, 0]))
    return {name: np.array(values) for name, values in rows.items()}


def report_renders(rows: dict[str, np.ndarray]) -> None:
    """One line for every band of yaw, one for all to 60 degrees, and what visibility and spread are worth."""
    yaw = np.abs(rows["yaw"])
    print(f"{'renders, yaw':24}    n    all   seen  undone  turn")
    for low, high in (*BANDS, (0, 60)):
        kept = (yaw >= low) & (yaw < high)
        if not kept.any():
            continue
        off, seen = rows["off"][kept], rows["seen"][kept]
        undone = (off * rows["short"][kept, None]).mean()
        print(
            f"{f'{low}-{high}':24} {kept.sum():4} {off.mean():6.1%} {off[seen].mean():6.1%} {undone:6.1%} "
            f"{np.median(rows['turn'][kept]):5.1f}"
        )
    right = ((rows["said"] > 0.5) == rows["seen"]).mean()
    print(f"visibility right: {right:.1%} of points ({rows['seen'].mean():.1%} are visible)")
    inside = (rows["off"] < 2.146 * rows["spread"]).mean()  # nine tenths of a Gaussian in the plane
    rank = np.corrcoef(np.log(rows["off"].ravel() + 1e-4), np.log(rows["spread"].ravel()))[0, 1]
    print(
        f"spread: {inside:.1%} of points within what should hold 90 %, correlation of logarithms {rank:.2f}"
    )


def report_london(name: str, results: list[tuple[np.ndarray, Landmarks, np.ndarray]]) -> None:
    off = np.stack([row[0] for row in results])
    same = off[:, list(SAME)]
    worst = np.sort(same.mean(1))[::-1][:2]
    print(
        f"{name:24} {len(off):4} same {same.mean():.2%}  all 68 {off.mean():.2%}  worst faces "
        + " ".join(f"{value:.2%}" for value in worst)
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with the photos")
    words.add_argument(
        "--renders", type=Path, help="folder of the held-out renders; default: drawn for this run"
    )
    words.add_argument("--head", type=Path, help="faceplate-head's .npz; default: the pack's")
    words.add_argument("--sheet", type=Path, help="where to write what was found on the London photos")
    chosen = words.parse_args()
    net = open_weights(chosen.weights)
    clean = list(london_errors(net, chosen.shared / "photos"))
    report_london("London, held out", clean)
    report_london("London, damaged", list(london_errors(net, chosen.shared / "photos", worn=True)))
    mean_shape(chosen.shared / "photos", read_head(chosen.head or verify(manifest_for("head.model"))))
    with tempfile.TemporaryDirectory() as temporary:
        report_renders(render_errors(net, USUAL.held_out(chosen.renders or Path(temporary), chosen.shared)))
    if chosen.sheet:
        cv2.imwrite(str(chosen.sheet), overlays(clean)[..., ::-1])


def mean_shape(root: Path, head: HeadModel) -> None:
    """What a net would reach that always says the mean face laid on the five true points: the least to be beaten."""
    train, test = (london(root, head, held_out=out) for out in (False, True))
    laid = [apply(fit_similarity(five_of(points), TEMPLATE), points) for points in train.points]
    mean = np.mean(laid, 0).astype(np.float32)
    off = np.stack([errors(apply(fit_similarity(TEMPLATE, five_of(p)), mean), p) for p in test.points])
    print(
        f"{'London, mean face':24} {len(off):4} same {off[:, list(SAME)].mean():.2%}  all 68 {off.mean():.2%}"
    )


def overlays(results: list[tuple[np.ndarray, Landmarks, np.ndarray]]) -> np.ndarray:
    """The faces side by side, seven a row, with the points that were found."""
    tiles = []
    for _, found, picture in results:
        tile = np.clip(picture, 0, 255).astype(np.uint8).copy()
        for x, y in found.points:
            cv2.circle(tile, (int(x), int(y)), 2, (0, 255, 0), -1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 7)
    return np.vstack([np.hstack(tiles[k : k + 7]) for k in range(0, len(tiles), 7)])


if __name__ == "__main__":
    main()
