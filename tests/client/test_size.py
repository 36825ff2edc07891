"""What a host is given stays small: every line counts, comments and blank ones too."""

from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2] / "core" / "faceplate_client"
MOST_LINES = 1200
WIDEST = 120
"""Columns, as ruff.toml has it for prose: lines are not made fewer by making them longer."""


def test_the_client_is_under_1200_lines():
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in CLIENT.glob("*.py")}
    assert len(lines) > 5
    assert sum(map(len, lines.values())) < MOST_LINES, {name: len(each) for name, each in lines.items()}
    assert max(len(line) for each in lines.values() for line in each) <= WIDEST
