"""`python3 build.py demo`: make a worn plate, restore it with the command, measure it against the clean one, show it.

The restoring itself is the plain command in a process of its own, exactly as a user would type it; what came out is
then read back with OpenImageIO alone.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from faceplate.demo.contact_sheet import save_sheet
from faceplate.demo.preview import write_preview
from faceplate.demo.sample import FPS, Sample, make_sample
from faceplate.demo.verdict import Verdict, face_columns, judge_frames, preview_frames, sheet_of
from faceplate_client.errors import FaceplateError


def main(words: list[str] | None = None) -> int:
    """Run the demonstration; the exit code is the command's own where that failed."""
    parser = argparse.ArgumentParser(
        prog="faceplate.demo", description="Restore a sample plate and measure the gain."
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for everything made here")
    parser.add_argument("--frames", type=int, default=24, help="how many frames, 1-24")
    options = parser.parse_args(words)
    if not 1 <= options.frames <= 24:
        parser.error("--frames should be 1-24")
    try:
        return demonstrate(options.out, options.frames)
    except FaceplateError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code


def demonstrate(folder: Path, count: int) -> int:
    print(f"-- making the sample: {count} worn EXR frames and their clean originals", flush=True)
    sample = make_sample(folder, count=count)
    command = restore_words(sample, folder)
    print(f"-- {' '.join(['faceplate', *command])}", flush=True)
    started = time.perf_counter()
    code = subprocess.run([sys.executable, "-m", "faceplate.cli", *command]).returncode
    seconds = time.perf_counter() - started
    if code != 0:
        print("demo: the command failed; what it says is above", file=sys.stderr)
        return code
    print("-- measuring, drawing the contact sheet, encoding the preview", flush=True)
    show(sample, folder, seconds)
    return 0


def restore_words(sample: Sample, folder: Path) -> list[str]:
    """The command that is demonstrated, without the word `faceplate`.

    A shot's faces get the plate's grain back by default, and so the distance that grain has from the clean original.
    """
    return [
        "restore", str(sample.worn), "-o", str(folder / "restored"),
        "--layers", "matte", "--grain", "0", "--report", str(folder / "report.jsonl"), "--overwrite",
    ]  # fmt: skip


def show(sample: Sample, folder: Path, seconds: float) -> None:
    """Write the pictures for looking at, and print what came out and how it measures."""
    verdict = judge_frames(sample, folder / "restored")
    save_sheet(folder / "contact_sheet.png", sheet_of(sample, folder / "restored", verdict))
    middle = face_columns(sample, folder / "restored")
    write_preview(folder / "preview.mp4", preview_frames(sample, folder / "restored", middle), fps=FPS)
    print(verdict_words(verdict, folder, faces_in(folder / "report.jsonl"), seconds / len(sample.frames)))


def faces_in(report: Path) -> int:
    """How many faces the report says were restored, over all frames."""
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return sum(face["status"] in ("restored", "thin_evidence") for line in lines for face in line["faces"])


def verdict_words(verdict: Verdict, folder: Path, faces: int, seconds_a_frame: float) -> str:
    before, after, frames = verdict.before, verdict.after, verdict.frames
    kept = "kept" if verdict.metadata_kept else "NOT KEPT"
    return "\n".join(
        (
            "",
            f"restored EXR   {folder / 'restored'} ({frames} frames 1280x720 half, with the layer matte.a)",
            f"preview        {folder / 'preview.mp4'} (H.264, before on the left, after on the right)",
            f"contact sheet  {folder / 'contact_sheet.png'} (clean, before, after, matte)",
            f"report         {folder / 'report.jsonl'} (one JSON line a frame)",
            "",
            f"faces          {faces} restored, on {verdict.frames_with_face} of {frames} frames; each shows one",
            f"PSNR           {before.psnr:.2f} -> {after.psnr:.2f} dB ({after.psnr - before.psnr:+.2f} dB)",
            f"SSIM           {before.ssim:.4f} -> {after.ssim:.4f} ({after.ssim - before.ssim:+.4f})",
            "               mean over the frames, inside the face matte, against the clean original, sRGB-encoded,",
            "               with --grain 0; a shot's default gives the faces their grain back, to match the plate",
            f"untouched      {verdict.untouched} of {verdict.outside} pixels outside the matte are bit-identical,",
            f"               the brightest at {verdict.brightest:.1f}; depth, timecode and slate are {kept}",
            f"time           {seconds_a_frame:.2f} s a frame, start of the command included",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
