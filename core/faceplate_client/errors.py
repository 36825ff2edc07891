"""Everything that can go wrong, as one tree.

Each error carries a sentence for the artist (what was wrong, what was expected, what to do), a stable `code` for
machines, and the `exit_code` a command ends with when nothing answers it. Codes cross the wire: never rename one.
Exit codes follow sysexits(3), as render farms read them: 65 and 77 mean "do not retry", 75 means "retry".
"""


class FaceplateError(Exception):
    """Root of the tree. `code` may be narrowed per raise: `RequestError("...", code="params.range")`."""

    code, exit_code = "error", 70

    def __init__(self, sentence, code=None):
        super().__init__(sentence)
        if code is not None:
            self.code = code


class RequestError(FaceplateError):
    """The request itself is at fault: a parameter, a path, a frame range, a colour space."""

    code, exit_code = "request", 64


class InputError(FaceplateError):
    """What was given to read is missing, damaged or not what it claims to be. Trying again will not help."""

    code, exit_code = "input", 65


class OutputError(FaceplateError):
    """A result could not be written: the disk is full, the folder is read-only."""

    code, exit_code = "output", 74


class ModelError(FaceplateError):
    """A model is missing, has the wrong hash, or its licence was not accepted."""

    code, exit_code = "model", 65


class ConsentError(FaceplateError):
    """No valid consent record covers what was asked."""

    code, exit_code = "consent.missing", 77


class EngineError(FaceplateError):
    """The engine is absent, busy or out of memory. Trying again may help."""

    code, exit_code = "engine", 75


class Cancelled(FaceplateError):
    """Somebody stopped the work. Whole frames stay, nothing half-written does."""

    code, exit_code = "cancelled", 143


_FAMILIES = {kind.code.split(".")[0]: kind for kind in FaceplateError.__subclasses__()}
_FAMILIES.update(params=RequestError, array=RequestError, plate=RequestError)


def error_of(code, sentence):
    """The error that crossed the wire as these two: the leaf that the code belongs to."""
    return _FAMILIES.get(code.split(".")[0], FaceplateError)(sentence, code)
