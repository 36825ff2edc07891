"""Make faceplate-head from ICT-FaceKit Light.

    python -m faceplate_training.head_model.make --ict ../shared/data/ict_facekit_light.npz --out DIR

Writes DIR/faceplate-head-<version>.npz and prints its hash. The same input gives the same file.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from faceplate.reconstruct.head_file import write_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate_training.head_model import names, rig
from faceplate_training.head_model.expressions import expression_basis, make_face
from faceplate_training.head_model.ict import Ict, read_ict
from faceplate_training.head_model.identity import identity_basis, importance_of
from faceplate_training.head_model.landmarks import embed, mediapipe_places
from faceplate_training.head_model.topology import REGIONS, Topology, make_topology

VERSION = "0.1.0"
CREDIT = (
    "Computed from ICT-FaceKit Light, copyright 2020 USC Institute for Creative Technologies, MIT licence "
    "(Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020)."
)

_COUNTS = {"face": 4.0, "skull": 1.0, "neck": 0.5, "teeth_upper": 0.5, "teeth_lower": 0.5}
"""How much a region's errors count when components are chosen; others count little, but do count."""


def make_head(ict: Ict, mesh: Topology) -> HeadModel:
    """The whole model from ICT and the mesh made for it."""
    face = make_face(ict, mesh)
    weight = np.array([_COUNTS.get(name, 0.1) for name in REGIONS])[mesh.quad_region]
    deltas = np.stack([mesh.carry(mode, ict, face.mean) for mode in ict.identity])
    importance = importance_of(face.mean, mesh.quads, weight)
    importance = (importance + importance[mesh.mirror]) / 2
    points68 = ict.neutral[ict.landmarks68]
    sixty_eight = embed(points68, face.mean, mesh.quads, mesh.quad_region)
    _, places = mediapipe_places(points68)
    masks = rig.masks(face, points68)
    driven = {name: [names.ALL.index(driver) for driver in by] for name, by in names.CORRECTIVES.items()}
    drivers = [driven.get(name, [-1, -1]) for name in names.ALL]
    return HeadModel(
        id=f"faceplate-head@{VERSION}",
        licence="Apache-2.0 AND MIT",
        credit=CREDIT,
        mean=_single(face.mean),
        identity=_single(identity_basis(deltas, face.mean, importance, mesh.mirror)),
        expressions=_single(expression_basis(face)),
        expression_names=names.ALL,
        expression_roles=tuple(map(names.role, names.ALL)),
        drivers=np.array(drivers, np.int32),
        quads=mesh.quads.astype(np.int32),
        uv=_single(mesh.uv),
        udim=_single(mesh.udim),
        quad_uv=mesh.quad_uv.astype(np.int32),
        region_names=REGIONS,
        quad_region=mesh.quad_region.astype(np.int32),
        mask_names=rig.MASKS,
        masks=_single(masks),
        mirror=mesh.mirror.astype(np.int32),
        landmarks={
            "68": sixty_eight,
            "mediapipe105": embed(places, face.mean, mesh.quads, mesh.quad_region),
        },
        joint_names=rig.JOINTS,
        joint_parents=np.array(rig.PARENTS, np.int32),
        joint_regressor=_single(rig.joint_regressor(face)),
        skin=_single(rig.skin_weights(face)),
    )


def _single(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ict", type=Path, required=True, help="ICT-FaceKit Light as one npz, in centimetres"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the head")
    asked = parser.parse_args()
    ict = read_ict(asked.ict)
    head = make_head(ict, make_topology(ict))
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"faceplate-head-{VERSION}.npz"
    write_head(head, path)
    content = path.read_bytes()
    print(f"{path}: {len(content) / 1e6:.1f} MB, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
