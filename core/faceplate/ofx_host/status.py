"""What actions answer, in the words of the OpenFX specification."""

from collections.abc import Mapping

from faceplate.ofx_host.native import PluginError

OK, FAILED, FATAL, REPLY_DEFAULT = 0, 1, 2, 14

STATUS: Mapping[int, str] = {
    0: "OK", 1: "Failed", 2: "ErrFatal", 3: "ErrUnknown", 4: "ErrMissingHostFeature", 5: "ErrUnsupported",
    6: "ErrExists", 7: "ErrFormat", 8: "ErrMemory", 9: "ErrBadHandle", 10: "ErrBadIndex", 11: "ErrValue",
    12: "ReplyYes", 13: "ReplyNo", 14: "ReplyDefault", 1000: "ErrImageFormat", 1001: "GPUOutOfMemory",
    1002: "GPURenderFailed",
}  # fmt: skip


class ActionFailed(PluginError):
    """An action answered with something other than OK or "do as you would without me"."""

    code = "ofx.failed"

    def __init__(self, identifier: str, action: str, status: int, said: str = "") -> None:
        told = f"{identifier} failed in {action} ({STATUS.get(status, status)})"
        super().__init__(f"{told}: {said}" if said else f"{told} and gave no reason")
        self.status = status
