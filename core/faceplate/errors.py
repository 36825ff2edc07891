"""The core's own leaves of the error tree: arrays of the wrong shape, values outside their range."""

from faceplate_client.errors import RequestError


class ShapeError(RequestError):
    """An array does not have the shape its stage documents."""

    code = "array.shape"


class RangeError(RequestError):
    """A parameter lies outside its documented range."""

    code = "params.range"
