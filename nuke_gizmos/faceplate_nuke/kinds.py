"""What each of the nodes that bake is: one table for the gizmos as they are written, and for Python inside Nuke.

Imports nothing of Nuke, so that `generate.py` can read it as well.
"""

import collections

Kind = collections.namedtuple(
    "Kind",
    "title hint effect decided shown left_out defaults bake_only people layers motion words always empty",
)
"""One class of nodes.

`title`: in the menu. `hint`: what it is for, empty where the operation's own says it. `effect`: identifier of the OFX
effect that does the same live; `decided`: knobs of it that the node has decided. `shown`: operations of operations.json
whose parameters are knobs, each with the pages that are, None for all; `left_out`: parameters that are not; `defaults`:
where the node's differ from the table's. `bake_only`: what the effect does not do. `people`: the text knob that lists
people of a shot. `layers`: of one channel, that a bake brings back; `motion`: whether it can bring motion layers.
`words`: what its bake always tells the command; `always`: parameters told even at their defaults. `empty`: what it
shows while it can show nothing better.
"""

EMPTY_INPUT, EMPTY_BLACK = "its input", "black"

_FILM = ("deinterlace", "deflicker", "repair")

KINDS = {
    "FP_Restore": Kind(
        title="Restore",
        hint="",
        effect="studio.faceplate.restore",
        decided={},
        shown=(("restore", None),),
        left_out=(),
        defaults={},
        bake_only=("scale", "enlarge"),
        people="faces",
        layers=("matte", "invented", "confidence"),
        motion=False,
        words=(),
        always=(),
        empty=EMPTY_INPUT,
    ),
    "FP_Steady": Kind(
        title="Steady",
        hint="Repairs the faces of a shot and holds them together in time: each is averaged with itself on the frames "
        "around.",
        effect="studio.faceplate.steady",
        decided={},
        shown=(("restore", None), ("steady", None), ("film", None)),
        left_out=(),
        defaults={
            "grain": 1
        },  # what is averaged has lost its grain: command and effect give it back, unless told
        bake_only=("scale", "enlarge", *_FILM),
        people="faces",
        layers=("matte", "invented", "confidence"),
        motion=True,
        words=(),
        always=("steady", "radius"),  # that one is named is what makes the input a shot
        empty=EMPTY_INPUT,
    ),
    "FP_Veil": Kind(
        title="Veil",
        hint="Makes every face unrecognisable, for good, but for those of people who may stay visible.",
        effect="studio.faceplate.veil",
        decided={},
        shown=(("restore", ("Faces",)),),
        left_out=("faces",),  # nobody is chosen to be veiled: whoever is not named is
        defaults={},
        bake_only=(),
        people="visible",
        layers=("veiled",),
        motion=False,
        # restores nobody, and looks at the whole shot, so that a face that is lost for a frame stays veiled
        words=("--anonymise-others", "--strength=0", "--grain=0", "--steady=0"),
        always=(),
        empty=EMPTY_BLACK,
    ),
    "FP_Matte": Kind(
        title="Matte",
        hint="A matte of the faces on a plate, in its alpha.",
        effect="studio.faceplate.matte",
        decided={"into": "Alpha"},
        shown=(("restore", ("Faces",)),),
        left_out=(),
        defaults={},
        bake_only=(),
        people="faces",
        layers=("matte", "invented", "confidence"),
        motion=False,
        words=(),
        always=(),
        empty=EMPTY_INPUT,
    ),
}
"""Class of a node -> what it is."""

MOTION = ("forward", "backward", "stmap")
"""Motion layers, of the channels u and v each."""

EFFECT_MAJOR = 0
"""Major version of the effects: Nuke names an effect `OFX`, its identifier, `_v` and this."""


def effect_class(kind):
    """What Nuke calls the OFX effect of a kind of node."""
    return "OFX{}_v{}".format(kind.effect, EFFECT_MAJOR)


def parameters_of(kind, operations):
    """The parameters that a kind of node has knobs for, in order: as `operations.json` says, with the node's defaults.

    Args:
        operations: {name: operation}, as `faceplate_client.read_operations` gives them.
    """
    found = []
    for operation, pages in kind.shown:
        for each in operations[operation]["parameters"]:
            if (pages is None or each["page"] in pages) and each["name"] not in kind.left_out:
                found.append(dict(each, default=kind.defaults.get(each["name"], each["default"])))
    return found
