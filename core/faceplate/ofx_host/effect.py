"""Bundles and the effects in them: loaded and described, one method an action, in the words of the specification.

`Bundle` opens a binary, `Effect` is one plug-in in it; `faceplate.ofx_host.instance` is one at work.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from faceplate.ofx_host.bundles import binary_of
from faceplate.ofx_host.instance import Instance
from faceplate.ofx_host.native import PluginError, native
from faceplate.ofx_host.profiles import Profile
from faceplate.ofx_host.status import OK, REPLY_DEFAULT, ActionFailed


class Bundle:
    """A binary, opened as one host, with its effects by identifier (of several versions the newest). Close it.

    A plug-in knows one host: the same binary cannot be open twice in a process.
    """

    def __init__(self, path: str | Path, profile: Profile) -> None:
        """Open a bundle or a bare .ofx file; nothing of it is loaded or described yet.

        Raises:
            PluginError: it is none, has no binary for this machine, or cannot be opened.
            RequestError: the host is not built here.
        """
        self.path, self.profile = Path(path), profile
        host, binary = native(), binary_of(path)
        self.host = profile.open()
        try:
            self._library = host.Library(self.host, str(binary), str(path))
        except host.BundleError as error:
            raise PluginError(f"{error}; rebuild it, or ask its maker", code="ofx.bundle") from error
        newest = sorted(self._library.plugins(), key=lambda plugin: plugin.version)
        self.effects = {plugin.identifier: Effect(self, plugin) for plugin in newest}

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def effect(self, identifier: str) -> "Effect":
        """An effect by its identifier, or by the last part of it when that is one effect's alone.

        Raises:
            PluginError: there is none; says which there are.
        """
        if identifier in self.effects:
            return self.effects[identifier]
        short = [each for each in self.effects if each.rpartition(".")[2].lower() == identifier.lower()]
        if len(short) == 1:
            return self.effects[short[0]]
        here = ", ".join(self.effects) or "none"
        raise PluginError(f"{self.path} has no effect {identifier}; it has {here}", code="ofx.effect")

    def close(self) -> None:
        """Destroy what is at work, unload every effect, and let go of the binary, also when one of them objects."""
        with ExitStack() as stack:
            stack.callback(self._library.close)
            for effect in self.effects.values():
                stack.callback(effect.close)


class Effect:
    """One plug-in: load, describe, describe in a context, create instances, unload."""

    def __init__(self, bundle: Bundle, plugin: Any) -> None:
        self.bundle, self.profile, self._plugin = bundle, bundle.profile, plugin
        self.identifier: str = plugin.identifier
        self.version: tuple[int, int] = plugin.version
        self._loaded = False
        self._described = False
        self._contexts: list[str] = []
        self.instances: list[Instance] = []

    def load(self) -> None:
        """Load it, once.

        Raises:
            ActionFailed: it will not run in this host.
        """
        if not self._loaded:
            self._call("OfxActionLoad", load_or_unload=True)
            self._loaded = True

    def describe(self) -> Mapping[str, list[Any]]:
        """Load and describe it, once: the descriptor's properties by OpenFX name."""
        self.load()
        if not self._described:
            self._call("OfxActionDescribe")
            self._described = True
        return self._plugin.properties

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts that both sides have, the host's favourite first (short names)."""
        offered = _short(self.describe()["OfxImageEffectPropSupportedContexts"], "OfxImageEffectContext")
        return tuple(each for each in self.profile.contexts if each in offered)

    @property
    def depths(self) -> tuple[str, ...]:
        """The depths that both sides have, the host's favourite first (short names)."""
        offered = _short(self.describe()["OfxImageEffectPropSupportedPixelDepths"], "OfxBitDepth")
        return tuple(each for each in self.profile.depths if each in offered)

    def describe_in_context(self, context: str) -> None:
        """Describe it in a context, once: its clips and parameters.

        Raises:
            PluginError: one of the two sides does not have the context.
        """
        if context in self._contexts:
            return
        if context not in self.contexts:
            both = ", ".join(self.contexts) or "no context"
            raise PluginError(
                f"{self.identifier} cannot be used in {self.profile.label} as {context}; both know {both}",
                code="ofx.effect",
            )
        self._call("OfxImageEffectActionDescribeInContext", f"OfxImageEffectContext{context}")
        self._contexts.append(context)

    def params(self, context: str) -> Mapping[str, Mapping[str, Any]]:
        """Parameters in the order of their definition: name -> properties, and `type`."""
        self.describe_in_context(context)
        return self._plugin.params(f"OfxImageEffectContext{context}")

    def clips(self, context: str) -> Mapping[str, Mapping[str, Any]]:
        """Clips in the order of their definition: name -> properties."""
        self.describe_in_context(context)
        return self._plugin.clips(f"OfxImageEffectContext{context}")

    def create(self, context: str, **project: Any) -> "Instance":
        """An instance. `project`: as for `Instance`."""
        self.describe_in_context(context)
        return Instance(self, self._plugin, context, **project)

    def unload(self) -> None:
        """Destroy what is left of its instances and unload it; not an error when it was never loaded."""
        for instance in list(self.instances):
            instance.destroy()
        if self._loaded:
            self._loaded = self._described = False
            self._contexts = []
            self._call("OfxActionUnload", load_or_unload=True)

    def close(self) -> None:
        """Unload it and forget its descriptions, for good."""
        try:
            self.unload()
        finally:
            self._plugin.close()

    def _call(self, action: str, context: str | None = None, *, load_or_unload: bool = False) -> None:
        status, _ = self._plugin.call(action, context, load_or_unload=load_or_unload)
        if status not in (OK, REPLY_DEFAULT):
            said = "; ".join(message.text for message in self.bundle.host.messages[-1:])
            raise ActionFailed(self.identifier, action, status, said)


def _short(names: Iterable[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names]
