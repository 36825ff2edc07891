"""What the recipes' command lines have in common."""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2

_HELP = {
    "steps": "steps of the whole run, on which the learning rate's course depends",
    "batch": "views a step",
    "rate": "the learning rate at its highest",
    "workers": "processes that make the data",
    "threads": "threads of torch; 1 where other work shares the cores",
    "seed": "the source of all chance",
}


def recipe(doc: str | None, **defaults: float) -> argparse.ArgumentParser:
    """A recipe's parser: `--shared`, `--out`, `--seed` (1), and whichever of steps, batch, rate, workers, threads has a
    default.

    Args:
        doc: the recipe's own words. defaults: name -> value; its type is the option's.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, log and weights")
    for name, value in {"seed": 1, **defaults}.items():
        parser.add_argument(
            f"--{name}", type=type(value), default=value, help=f"{_HELP[name]} (default: {value:g})"
        )
    return parser


def shared(parser: argparse.ArgumentParser) -> None:
    """`--shared`: what may be trained on lies in it as photos/, hdri/, data/, and those who label as models/."""
    parser.add_argument(
        "--shared", type=Path, required=True, help="folder of photos, panoramas and those who label"
    )


def run(parser: argparse.ArgumentParser, train: Callable[[argparse.Namespace], None]) -> None:
    """Read the command line, make the folder and train.

    OpenCV works on one thread: its pool does not live through the fork into a data worker, which would wait forever.
    """
    cv2.setNumThreads(1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    train(options)
