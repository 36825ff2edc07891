"""Which adapter a manifest asks for."""

from faceplate.adapters.detectors import DetectorNet, retinaface_rows, scrfd_rows, yunet_rows
from faceplate.adapters.flows import FlowNet
from faceplate.adapters.pictures import EmbeddingNet, PictureNet
from faceplate.registry.manifest import Manifest
from faceplate.runtime.net import Net

_DETECTORS = {"yunet": yunet_rows, "scrfd": scrfd_rows, "retinaface": retinaface_rows}

PICTURES = {"raft": 2}
"""Adapter -> how many pictures its graph reads at a time, where that is not one."""


def adapted(net: Net, manifest: Manifest) -> Net:
    """A net in the form that the stages speak, see `runtime.net.Net`; the net itself where it speaks it already.

    Raises:
        ModelError: the manifest's facts and its adapter do not go together.
    """
    if manifest.adapter in _DETECTORS:
        return DetectorNet(net, manifest, _DETECTORS[manifest.adapter])
    if manifest.adapter == "picture":
        return PictureNet(net, manifest)
    if manifest.adapter == "embedding":
        return EmbeddingNet(net, manifest)
    if manifest.adapter == "raft":
        return FlowNet(net, manifest)
    return net
