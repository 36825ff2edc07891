"""What `generate.py` writes gizmos with. Never loaded in Nuke, and not part of the folder that Nuke is given."""
