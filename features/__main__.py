"""Prints the feature catalogue as Markdown: `python -m features > docs/features.md`."""

from __future__ import annotations

import sys

from features.catalog import catalogue_markdown

sys.stdout.buffer.write(catalogue_markdown().encode())
