"""Where results go: what OUTPUT means for this footage, and that it never is the input by accident."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceplate.io.limits import FORMATS
from faceplate.io.movie import is_movie
from faceplate.io.naming import Pattern, has_mark, pattern_of
from faceplate.io.sequence import Footage, FrameFile
from faceplate_client.errors import RequestError


@dataclass(frozen=True)
class Target:
    """The output, decided. `kind`: one file a frame, or one movie. `folder`: where everything goes.

    `path`: the movie, or the one picture that was named. `pattern`: names by frame number, None for input names.
    """

    kind: Literal["pictures", "movie"]
    folder: Path
    path: Path | None = None
    pattern: Pattern | None = None

    def path_for(self, frame: FrameFile) -> Path:
        """The file a frame is written to."""
        if self.path is not None:
            return self.path
        if self.pattern is not None:
            return self.folder / self.pattern.name(frame.number)
        return self.folder / frame.path.name


def open_output(words: str | Path, footage: Footage, *, overwrite: bool = False) -> Target:
    """Decide what OUTPUT means.

    A folder keeps the input's names; a pattern (`out.####.exr`) numbers frames like the input; a movie name makes a
    movie; a picture's name is for one frame. Nothing is made or written here.

    Raises:
        RequestError: OUTPUT is the input (also through a link) without `overwrite`, a movie would be read and written
            at once, one picture's name for many frames, or an ending that is not written.
    """
    target = _decided(str(words), footage)
    _refuse_input(target, footage, overwrite)
    return target


def _decided(words: str, footage: Footage) -> Target:
    path = Path(words)
    ending = path.suffix.lower()
    if path.is_dir() or words.endswith(("/", os.sep)) or (not ending and not has_mark(path.name)):
        return (
            Target("movie", path, path / footage.frames[0].path.name)
            if footage.movie
            else Target("pictures", path)
        )
    if is_movie(path):
        return Target("movie", path.parent, path)
    if ending not in FORMATS:
        known = ", ".join(FORMATS)
        raise RequestError(
            f"-o {words} should be a folder, end in {known}, or be a movie (.mov, .mp4, .mkv, .mxf)"
        )
    if has_mark(path.name):
        return Target("pictures", path.parent, pattern=pattern_of(path.name))
    if len(footage) > 1:
        raise RequestError(
            f"-o {words} names one picture for {len(footage)} frames; "
            f"give a folder, or a pattern like {path.stem}.####{path.suffix}"
        )
    return Target("pictures", path.parent, path)


def _refuse_input(target: Target, footage: Footage, overwrite: bool) -> None:
    read = {frame.path for frame in footage.frames}
    real = {os.path.realpath(path) for path in read}
    identities = {(facts.st_dev, facts.st_ino) for facts in (path.stat() for path in read if path.exists())}
    for frame in footage.frames:
        path = target.path_for(frame)
        same = os.path.realpath(path) in real
        if path.exists():
            facts = path.stat()
            same = same or (facts.st_dev, facts.st_ino) in identities
        if same and not overwrite:
            raise RequestError(
                f"{path} is the input itself; choose another -o, or --overwrite to replace it",
                "output.is_input",
            )
        if target.kind == "movie":
            return
