"""The compiled half of the host, or a sentence that says why it is not here."""

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
