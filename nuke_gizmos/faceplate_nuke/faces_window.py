"""The faces of a node's shot in a window of their own: names typed in place, choosing and locking by a click.

Drawn with the Qt that Nuke carries, PySide2 before Nuke 16 and PySide6 since. Only ever opened by its button; what the
panel shows, and a farm reads, is the text on the node.
"""

import collections
import importlib
from typing import Dict

import nuke

from faceplate_client.errors import RequestError

from . import faces
from .nodes import is_there, kind_of, people, told_on

Qt = collections.namedtuple("Qt", "core widgets")
"""The two modules of PySide that are used here."""

CHOSEN, TRACK, NAME, FRAMES, FOUND, QUALITY, LOCKED = range(7)
"""The columns."""

_open: Dict[str, "Window"] = {}
"""Full name of a node -> its window."""


def start(node: nuke.Node):
    """The button Edit Faces: open the window, or bring it to the front, and read the shot file anew."""
    with told_on(node):
        name = node.fullName()
        if name not in _open:
            _open[name] = Window(node, pyside(), lambda: _open.pop(name, None))
        _open[name].raise_()
        faces.refresh(node)


def pyside():
    """The modules of the Qt that this Nuke carries.

    Raises:
        RequestError: there is no interface, or no Qt in it.
    """
    if not nuke.GUI:
        raise RequestError("There is no window without an interface. Use `faceplate shot` on the shot file.")
    name = "PySide6" if nuke.NUKE_VERSION_MAJOR >= 16 else "PySide2"
    try:
        core, widgets = (importlib.import_module(name + "." + each) for each in ("QtCore", "QtWidgets"))
    except ImportError as error:
        raise RequestError(
            "This Nuke has no {} to draw a window with ({}). Use Track, Name and the buttons below the table.".format(
                name, error
            )
        )
    return Qt(core, widgets)


class Window:
    """One node's table of faces. On the main thread only."""

    def __init__(self, node: nuke.Node, qt, closed):
        """Args: `closed`: called when the window has gone."""
        self._node, self._qt, self._closed, self._filling = node, qt, closed, False
        self.dialog = qt.widgets.QDialog(qt.widgets.QApplication.activeWindow())
        self.dialog.setAttribute(qt.core.Qt.WA_DeleteOnClose)
        self.dialog.setWindowTitle("Faces of {}".format(node.fullName()))
        heads = (faces.HEADS[kind_of(node).people], "track", "name", "frames", "found", "quality", "locked")
        self.table = qt.widgets.QTableWidget(0, len(heads), self.dialog)
        self.table.setHorizontalHeaderLabels(list(heads))
        self.table.verticalHeader().hide()
        self.table.itemChanged.connect(self._changed)
        layout = qt.widgets.QVBoxLayout(self.dialog)
        layout.addWidget(self.table)
        self.dialog.resize(640, 320)
        self.dialog.finished.connect(self._gone)
        faces.watchers.append(self._told)

    def raise_(self):
        """Show it above the others; Nuke goes on being usable beside it."""
        self.dialog.show()
        self.dialog.raise_()

    def _gone(self, *_):
        faces.watchers.remove(self._told)
        self._closed()

    def _told(self, node, facts):
        """A shot is shown anew somewhere: fill the table if it is that of this node."""
        if is_there(self._node) and node.fullName() == self._node.fullName():
            # Later: a cell must not be replaced while Qt still tells of its change.
            self._qt.core.QTimer.singleShot(0, lambda: self._fill(facts))

    def _fill(self, facts):
        if self._told not in faces.watchers or not is_there(self._node):
            return  # closed, or its node deleted, since
        rows, self._filling = faces.rows(facts, people(self._node)), True
        try:
            self.table.setRowCount(len(rows))
            for place, row in enumerate(rows):
                cells = (row.chosen, str(row.id), row.name, row.frames, row.found, row.quality, row.locked)
                for column, told in enumerate(cells):
                    self.table.setItem(place, column, self._cell(column, told))
            self.table.resizeColumnsToContents()
        finally:
            self._filling = False

    def _cell(self, column, told):
        """One cell: a switch, a text that can be typed over, or a text that cannot."""
        qt = self._qt.core.Qt
        item = self._qt.widgets.QTableWidgetItem()
        if column in (CHOSEN, LOCKED):
            item.setFlags(qt.ItemIsEnabled | qt.ItemIsUserCheckable)
            item.setCheckState(qt.Checked if told else qt.Unchecked)
            return item
        item.setText(told)
        item.setFlags(
            qt.ItemIsEnabled | qt.ItemIsSelectable | (qt.ItemIsEditable if column == NAME else qt.NoItemFlags)
        )
        return item

    def _changed(self, item):
        """A click or a name typed; filling the table changes its cells as well, and is none."""
        if self._filling:
            return
        if not is_there(self._node):
            self.dialog.reject()
            return
        track = int(self.table.item(item.row(), TRACK).text())
        if item.column() == NAME:
            faces.rename_track(self._node, track, item.text())
        elif item.column() == CHOSEN:
            faces.choose_track(self._node, track)
        elif item.column() == LOCKED:
            faces.lock_track(self._node, track)
