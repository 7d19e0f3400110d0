"""What each command does: the one folder that sees all four packages."""
