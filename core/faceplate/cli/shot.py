"""`faceplate shot`: look at a shot file and put it right by hand."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceplate.stages.shot import Shot


def add_parser(commands: Any) -> None:
    """Add `shot show|rename|merge|split|drop|lock`."""
    parser = commands.add_parser("shot", help="look at a shot file, or put its tracks right")
    verbs = parser.add_subparsers(metavar="show|rename|merge|split|drop|lock", required=True)
    _verb(verbs, "show", _show, "what the shot holds")
    rename = _verb(verbs, "rename", _rename, "say whose face a track is, for --faces")
    rename.add_argument("id", type=int, metavar="ID")
    rename.add_argument("name", metavar="NAME")
    merge = _verb(verbs, "merge", _merge, "make one track of several that follow each other")
    merge.add_argument("ids", type=int, nargs="+", metavar="ID")
    split = _verb(verbs, "split", _split, "cut a track in two before a frame")
    split.add_argument("id", type=int, metavar="ID")
    split.add_argument("frame", type=int, metavar="FRAME")
    drop = _verb(verbs, "drop", _drop, "take a track out, and its identity with it")
    drop.add_argument("id", type=int, metavar="ID")
    lock = _verb(verbs, "lock", _lock, "keep a track as it is, whatever a new analysis finds")
    lock.add_argument("id", type=int, metavar="ID")
    lock.add_argument("--off", action="store_true", help="free it again")


def _verb(verbs: Any, name: str, run: Callable, line: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
    verb.add_argument("file", type=Path, metavar="shot.json")
    verb.add_argument("--json", action="store_true", help="JSON on stdout")
    verb.set_defaults(run=run)
    return verb


def _show(options: argparse.Namespace) -> int:
    from faceplate.farm.shot_files import read_shot

    shot = read_shot(options.file)
    print(json.dumps(_facts(shot), indent=2) if options.json else _told(shot))
    return 0


def _rename(options: argparse.Namespace) -> int:
    from faceplate.stages.shot_edits import renamed

    return _edit(options, lambda shot: renamed(shot, options.id, options.name))


def _merge(options: argparse.Namespace) -> int:
    from faceplate.stages.shot_edits import merged

    return _edit(options, lambda shot: merged(shot, options.ids))


def _split(options: argparse.Namespace) -> int:
    from faceplate.stages.shot_edits import split

    return _edit(options, lambda shot: split(shot, options.id, options.frame))


def _drop(options: argparse.Namespace) -> int:
    from faceplate.stages.shot_edits import dropped

    return _edit(options, lambda shot: dropped(shot, options.id))


def _lock(options: argparse.Namespace) -> int:
    from faceplate.stages.shot_edits import locked

    return _edit(options, lambda shot: locked(shot, options.id, lock=not options.off))


def _edit(options: argparse.Namespace, change: "Callable[[Shot], Shot]") -> int:
    """Read, change, write; an edit that is refused leaves the file as it was."""
    from faceplate.farm.shot_files import forget_identities, read_shot, write_shot

    shot = change(read_shot(options.file))
    write_shot(options.file, shot)
    forget_identities(options.file, keep={track.id for track in shot.tracks})
    print(json.dumps(_facts(shot), indent=2) if options.json else _told(shot))
    return 0


def _facts(shot: "Shot") -> dict[str, Any]:
    tracks = [
        {
            "id": track.id,
            "name": track.name,
            "first": track.first,
            "last": track.last,
            "found": track.found,
            "quality": round(track.quality, 3),
            "locked": track.locked,
            "doubtful": shot.is_doubtful(track),
        }
        for track in shot.tracks
    ]
    return {
        "source": shot.source,
        "size": list(shot.size),
        "first": shot.first,
        "last": shot.last,
        "frames": len(shot.plates),
        "cuts": list(shot.cuts),
        "grain": None if shot.grain is None else round(float(shot.grain.sigma.mean()), 4),
        "flicker": round(
            max((abs(g - 1.0) for gains in shot.flicker.values() for g in gains), default=0.0), 4
        ),
        "tracks": tracks,
    }


def _told(shot: "Shot") -> str:
    facts = _facts(shot)
    cuts = ", ".join(map(str, shot.cuts)) or "none"
    grain = "not measured" if facts["grain"] is None else f"{100 * facts['grain']:.1f} % of the range"
    lines = [
        f"{shot.source}: {facts['frames']} frames, {shot.first}-{shot.last}, {shot.size[0]} x {shot.size[1]}",
        f"cuts before {cuts}; grain {grain}; flicker up to {100 * facts['flicker']:.1f} %",
        f"{'id':>4} {'name':20} {'frames':>15} {'found':>6} {'quality':>8}",
    ]
    for track in shot.tracks:
        span, word = f"{track.first}-{track.last}", "  locked" if track.locked else ""
        word = "  doubtful: restored only if you lock, rename or name it" if shot.is_doubtful(track) else word
        lines.append(f"{track.id:4} {track.name:20} {span:>15} {track.found:6} {track.quality:8.2f}{word}")
    return "\n".join(lines)
