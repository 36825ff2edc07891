"""Seeded damage: what lenses, film, sensors, scalers and codecs do to a face.

Works on display-encoded pictures, float32 RGB, 0-255, like the chain it imitates (a codec never sees linear light).
Lengths are given for a face whose FFHQ square is 512 px and scale with `unit` = that square's side / 512.
After: Wang et al., "Real-ESRGAN", ICCVW 2021 (random chains of blur, scale, noise and compression).
"""

from contextlib import suppress
from fractions import Fraction
from io import BytesIO

import av
import cv2
import numpy as np
from av.error import FFmpegError

SCALERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
ENLARGERS = (cv2.INTER_CUBIC, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LANCZOS4)

SMALLEST_H265 = 64
"""libx265 needs a picture of at least one coding unit."""


def degrade(clean: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """One random history of a picture: old film, the web, a shaken camera, a security camera, or any mixture.

    Args:
        clean: (H, W, 3) float32 RGB, 0-255.
        unit: side of the face's FFHQ square in pixels / 512.
        rng: the only source of chance.

    Returns:
        (H, W, 3) float32, 0-255, rounded to whole steps as a decoded file would be. 4 % come back as they were.
    """
    history = rng.choice(len(HISTORIES), p=[share for _, share in HISTORIES])
    damaged = HISTORIES[history][0](clean, unit, rng)
    if damaged.shape != clean.shape:
        damaged = cv2.resize(damaged, clean.shape[1::-1], interpolation=int(rng.choice(ENLARGERS)))
    return np.clip(np.round(damaged), 0, 255).astype(np.float32)


def untouched(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Nothing happened: a restorer must learn to leave a clean face alone."""
    return image


def film(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A soft lens, fading, grain, dust, and a scan at 80 to 280 px a face square."""
    image = soften(image, rng.uniform(0.8, 2.6) * unit, rng)
    image = recorded(image, unit, rng.uniform(80, 280), rng)
    image = fade(image, rng)
    image = grain(image, rng.uniform(3, 13), rng)
    image = specks(image, rng) if rng.random() < 0.8 else image
    return compress(image, rng, qualities=(60, 95))


def web(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A small file, noisy and squeezed, shown larger than it is."""
    image = soften(image, rng.uniform(0.3, 2.0) * unit, rng)
    image = recorded(image, unit, rng.uniform(55, 240), rng)
    image = fade(image, rng) if rng.random() < 0.3 else image
    image = noise(image, rng.uniform(0.5, 7), rng)
    return compress(image, rng, qualities=(30, 85))


def shaken(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Motion or missed focus, at full size, with a little noise."""
    if rng.random() < 0.82:
        kernel = motion_kernel(rng.uniform(4, 24) * unit, rng)
    else:
        kernel = disc_kernel(rng.uniform(1, 6) * unit)
    image = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
    image = noise(image, rng.uniform(0.5, 5), rng)
    return compress(image, rng, qualities=(70, 96))


def security(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A face 18 to 60 pixels high, dim, noisy and compressed."""
    image = recorded(image, unit, rng.uniform(18, 60) / 0.55, rng)
    image = image * rng.uniform(0.55, 1.0)
    image = noise(image, rng.uniform(1.5, 7), rng)
    return compress(image, rng, qualities=(45, 85))


def mixture(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A chain with every link optional, to meet what none of the others foresaw."""
    size = image.shape[1::-1]
    image = lens(image, unit, rng)
    if rng.random() < 0.7:
        image = recorded(image, unit, float(np.exp(rng.uniform(np.log(50), np.log(512)))), rng)
    image = fade(image, rng) if rng.random() < 0.7 else image
    image = noise(image, rng.uniform(0.5, 8), rng) if rng.random() < 0.5 else image
    image = grain(image, rng.uniform(2, 12), rng) if rng.random() < 0.4 else image
    image = specks(image, rng) if rng.random() < 0.15 else image
    image = combed(image, rng) if rng.random() < 0.1 else image
    image = compress(image, rng, qualities=(30, 95)) if rng.random() < 0.8 else image
    image = cv2.resize(image, size, interpolation=int(rng.choice(ENLARGERS)))
    return compress(image, rng, qualities=(50, 95)) if rng.random() < 0.3 else image


HISTORIES = ((untouched, 0.04), (film, 0.14), (web, 0.15), (shaken, 0.35), (security, 0.25), (mixture, 0.07))
"""What may have happened to a picture, and how often it does: what is learned slowest comes most."""


def soften(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian lens, not quite round."""
    across = max(sigma * rng.uniform(0.8, 1.25), 0.05)
    return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.05), sigmaY=across)


def recorded(image: np.ndarray, unit: float, side: float, rng: np.random.Generator) -> np.ndarray:
    """The picture as a recording whose FFHQ square is `side` px shows it, at that size; never enlarged."""
    factor = 512 * unit / side
    return shrink(image, factor, rng) if factor > 1.02 else image


def lens(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Softness, defocus, camera shake and halation, or none."""
    kind = rng.random()
    if kind < 0.40:
        sigma = rng.uniform(0.3, 2.6) * unit
        return cv2.GaussianBlur(
            image, (0, 0), max(sigma, 0.05), sigmaY=max(sigma * rng.uniform(0.7, 1.3), 0.05)
        )
    if kind < 0.68:
        return cv2.filter2D(
            image, -1, motion_kernel(rng.uniform(4, 24) * unit, rng), borderType=cv2.BORDER_REFLECT
        )
    if kind < 0.80:
        return cv2.filter2D(image, -1, disc_kernel(rng.uniform(1, 5) * unit), borderType=cv2.BORDER_REFLECT)
    if kind < 0.86:
        glow = cv2.GaussianBlur(np.maximum(image - 150, 0), (0, 0), rng.uniform(4, 14) * unit)
        return image + glow * rng.uniform(0.1, 0.5) * np.array([1.0, 0.6, 0.4], np.float32)
    return image


def motion_kernel(length: float, rng: np.random.Generator) -> np.ndarray:
    """A straight or slightly bent smear of `length` pixels in a random direction, summing to one."""
    side = max(3, int(np.ceil(length)) | 1)
    angle, bend = rng.uniform(0, np.pi), rng.normal(0, 0.15) * (rng.random() < 0.4)
    along = np.linspace(-0.5, 0.5, 8 * side) * max(length - 1, 0.5)
    across = bend * length * ((along / max(length, 1e-3) * 2) ** 2 - 0.33)
    x = along * np.cos(angle) - across * np.sin(angle) + side // 2
    y = along * np.sin(angle) + across * np.cos(angle) + side // 2
    kernel = np.zeros((side, side), np.float32)
    for dx, wx in ((0, 1 - x % 1), (1, x % 1)):
        for dy, wy in ((0, 1 - y % 1), (1, y % 1)):
            column = np.clip(np.floor(x).astype(int) + dx, 0, side - 1)
            row = np.clip(np.floor(y).astype(int) + dy, 0, side - 1)
            np.add.at(kernel, (row, column), wx * wy)
    return kernel / kernel.sum()


def disc_kernel(radius: float) -> np.ndarray:
    """An out-of-focus point, antialiased at its rim, summing to one."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def shrink(image: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """The picture at 1/factor of its size, with or without a proper filter before."""
    scaler = int(rng.choice(SCALERS))
    if scaler != cv2.INTER_AREA and (factor > 2 or rng.random() < 0.7):
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.5) * factor)
    elif rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.5) * factor)
    size = tuple(max(8, round(length / factor)) for length in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=scaler)


def fade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lost contrast, lifted blacks, a tint."""
    image = image * rng.uniform(0.65, 1.02) + rng.uniform(-2, 24)
    if rng.random() < 0.3:
        image = image * rng.uniform(0.92, 1.08, 3) + rng.normal(0, 4, 3)
    return image.astype(np.float32)


def monochrome(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture without its colour, sometimes toned."""
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return grey * rng.uniform(0.8, 1.0, 3).astype(np.float32) if rng.random() < 0.3 else grey


def noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Sensor noise, independent per channel, `strength` in 8-bit steps, often stronger where there is light."""
    level = np.sqrt(np.clip(image, 8, 255) / 128) if rng.random() < 0.4 else np.float32(1)
    return image + rng.standard_normal(image.shape, np.float32) * (np.float32(strength) * level)


def grain(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Grain common to the channels and correlated in space, `strength` its standard deviation in 8-bit steps."""
    texture = cv2.GaussianBlur(
        rng.standard_normal(image.shape[:2], np.float32), (0, 0), rng.uniform(0.3, 1.0)
    )
    return (image + (texture / texture.std() * strength)[..., None]).astype(np.float32)


def specks(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dust, dirt and hairs, light or dark, one to three pixels wide."""
    height, width = image.shape[:2]
    for _ in range(rng.integers(1, 9)):
        drawn = np.zeros((height, width), np.uint8)
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        if rng.random() < 0.8:
            cv2.circle(drawn, (x, y), int(rng.integers(0, 3)), (255,), -1, cv2.LINE_AA)
        else:
            bend = np.clip(
                np.array([x, y]) + rng.integers(-12, 13, (3, 2)).cumsum(0), 0, (width - 1, height - 1)
            )
            cv2.polylines(drawn, [bend.astype(np.int32)], False, (255,), 1, cv2.LINE_AA)
        level = float(rng.choice([rng.uniform(200, 255), rng.uniform(0, 50)], p=[0.75, 0.25]))
        cover = drawn[..., None] / np.float32(255)
        image = image * (1 - cover) + level * cover
    return image.astype(np.float32)


def combed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every second row a little to the side: what interlacing leaves behind."""
    image = image.copy()
    image[1::2] = np.roll(image[1::2], int(rng.choice([-2, -1, 1, 2])), axis=1)
    return image


def compress(image: np.ndarray, rng: np.random.Generator, *, qualities: tuple[int, int]) -> np.ndarray:
    """JPEG at a quality from the range given, or one time in eight a video codec of about that harshness."""
    whole = np.clip(np.round(image), 0, 255).astype(np.uint8)
    quality = rng.uniform(*qualities)
    if rng.random() < 0.12 and min(whole.shape[:2]) >= 32:
        large = min(whole.shape[:2]) >= SMALLEST_H265
        codec = "libx265" if large and rng.random() < 0.2 else "libx264"
        with suppress(
            FFmpegError
        ):  # about one clip in thirty thousand is refused by the muxer: it becomes a JPEG
            return coded_by_video(whole, codec, int(np.interp(quality, (30, 95), (38, 18))))
    sampling = int(rng.choice([cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]))
    return coded_as_jpeg(whole, quality, sampling)


def coded_as_jpeg(
    image: np.ndarray, quality: float, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
) -> np.ndarray:
    """(H, W, 3) RGB, 0-255, as a JPEG file of it shows it, float32."""
    whole = np.clip(np.round(image), 0, 255).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    coded = cv2.imencode(".jpg", np.ascontiguousarray(whole[..., ::-1]), options)[1]
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[..., ::-1], np.float32)


def coded_by_video(whole: np.ndarray, codec: str, crf: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB after two frames of H.264 or H.265 at `crf`; the second, predicted one is kept."""
    height, width = (length - length % 2 for length in whole.shape[:2])
    file = BytesIO()
    with av.open(file, "w", format="matroska") as container:
        options = {"crf": str(crf), "preset": "veryfast", "x265-params": "log-level=none"}
        if codec == "libx264":
            options["threads"] = "1"
        stream = container.add_stream(codec, rate=Fraction(25), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, shift in enumerate((1, 0)):
            moved = np.ascontiguousarray(np.roll(whole, shift, axis=1)[:height, :width])
            frame = av.VideoFrame.from_ndarray(moved, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as recording:
        last = list(recording.decode(video=0))[-1].to_ndarray(format="rgb24")
    out = whole.astype(np.float32)
    out[:height, :width] = last
    return out
