"""Write ofx_bridge/generated/operations.h from operations.json: every operation's parameters, as C++ tables.

    python ofx_bridge/generate_operations.py

The plug-in describes its parameters from these tables alone, and says at hello which operations.json they came from.
build.py runs this before it compiles. Standard library only.
"""

import hashlib
import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE.parent / "core"
OUTPUT = HERE / "generated" / "operations.h"

TYPES = {"float": "Number", "int": "Whole", "bool": "Switch", "choice": "Choice", "string": "Text"}


def main() -> None:
    """Write the header, unless it is there already, word for word."""
    told = header()
    if OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == told:
        return
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(told, encoding="utf-8")


def header() -> str:
    """The whole text of operations.h."""
    source = (CORE / "faceplate_client" / "operations.json").read_bytes()
    operations = json.loads(source)["operations"]
    lines = [
        "// Made by generate_operations.py from operations.json; change that, and nothing here.",
        "",
        "#ifndef FACEPLATE_OPERATIONS_H",
        "#define FACEPLATE_OPERATIONS_H",
        "",
        '#include "../src/parameter.h"',
        "",
        "namespace faceplate::operations {",
        "",
        f"inline constexpr char kHash[] = {text(hashlib.sha256(source).hexdigest())};",
        f"inline constexpr char kProduct[] = {text(product())};",
    ]
    for name, facts in operations.items():
        lines += ["", *operation(constant(name), facts)]
    return "\n".join([*lines, "", "}  // namespace faceplate::operations", "", "#endif", ""])


def operation(prefix: str, facts: dict) -> list[str]:
    """One operation: its words, its choices, its parameters."""
    lines = [
        f"inline constexpr char {prefix}Label[] = {text(facts['label'])};",
        f"inline constexpr char {prefix}Hint[] = {text(facts['hint'])};",
    ]
    for parameter in facts["parameters"]:
        if parameter["type"] == "choice":
            words = ", ".join(text(str(choice)) for choice in parameter["choices"])
            name = f"{prefix}{constant(parameter['name'])[1:]}Choices"
            lines.append(f"inline constexpr const char* {name}[] = {{{words}}};")
    rows = [f"    {row(prefix, parameter)}," for parameter in facts["parameters"]]
    return [*lines, f"inline constexpr Parameter {prefix}[] = {{", *rows, "};"]


def row(prefix: str, facts: dict) -> str:
    """One Parameter, in the order of its members."""
    kind, default = facts["type"], facts["default"]
    words = [text(facts[key]) for key in ("name", "label", "hint", "page")]
    numbers, choices = [facts.get("min", 0), facts.get("max", 1), 0], ["nullptr", "0", "false"]
    if kind == "choice":
        name = f"{prefix}{constant(facts['name'])[1:]}Choices"
        numbers = [0, len(facts["choices"]) - 1, facts["choices"].index(default)]
        choices = [name, str(len(facts["choices"])), str(type(facts["choices"][0]) is int).lower()]
    elif kind != "string":
        numbers[2] = int(default) if kind == "bool" else default
    default_text = text(default if kind == "string" else "")
    return f"{{Parameter::Type::{TYPES[kind]}, {', '.join([*words, *map(repr, numbers), default_text, *choices])}}}"


def constant(name: str) -> str:
    """restore -> kRestore."""
    return "k" + "".join(word.capitalize() for word in re.split("[_.]", name))


def text(words: str) -> str:
    """A C++ literal; JSON escapes the same few letters."""
    return json.dumps(words, ensure_ascii=False)


def product() -> str:
    """The version of Faceplate."""
    told = (CORE / "faceplate" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', told, re.MULTILINE)
    assert found, "core/faceplate/__init__.py no longer states its version"
    return found[1]


if __name__ == "__main__":
    main()
