"""Maps of a pose network to people, and back."""

from pose.parsing.centers import find_centered_people
from pose.parsing.encode import encode
from pose.parsing.merging import keep_best
from pose.parsing.parser import ParserSettings, parse, prepare_parser

__all__ = ["ParserSettings", "encode", "find_centered_people", "keep_best", "parse", "prepare_parser"]
