"""How good it is: figures of clips, and agreement of machine and human."""
