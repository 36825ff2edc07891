"""The command `faceplate`: one file per subcommand."""
