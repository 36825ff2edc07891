"""The shared judge as a module, for recipes that need its figures face by face."""

import importlib.util
from pathlib import Path
from types import ModuleType


def judge_of(shared: Path) -> ModuleType:
    """The judge's `Judge`, `frame`, `degrade`, `psnr` and `ssim`; colours are BGR there.

    Raises:
        FileNotFoundError: the folder has no tools/judge.py.
    """
    path = shared / "tools" / "judge.py"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; name the folder with photos, models and tools: --shared DIR"
        )
    spec = importlib.util.spec_from_file_location("judge", path)
    assert spec is not None and spec.loader is not None
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    return judge
