"""The compiled half of the host, or a sentence that says why it is not here; what it counts."""

from types import ModuleType

from faceplate_client.errors import InputError, RequestError


class PluginError(InputError):
    """A bundle cannot be used, an effect is not in it, or an action of it failed."""

    code = "ofx.plugin"


def native() -> ModuleType:
    """The compiled module `_host`.

    Raises:
        RequestError: it was not built: there was no C++ compiler when Faceplate was set up.
    """
    try:
        from faceplate.ofx_host import _host  # type: ignore[attr-defined]
    except ImportError as error:
        raise RequestError(
            f"the OFX host is not built here ({error}); install a C++ compiler and run build.py again",
            code="ofx.host",
        ) from error
    return _host


def live_handles() -> dict[str, int]:
    """Kind of handle -> how many plug-ins could still hold, in this process; empty when nothing was left behind."""
    return native().live_handles()


def take_refusals() -> list[str]:
    """What plug-ins asked for and were refused since the last call, a sentence each."""
    return native().take_refusals()
