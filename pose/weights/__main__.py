"""Prints the table of networks as Markdown, for docs/networks.md: `python -m pose.weights`."""

import sys

from pose.weights.tables import networks_markdown

sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr] # a file or terminal
sys.stdout.write(networks_markdown())
