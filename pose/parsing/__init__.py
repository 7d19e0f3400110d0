"""Maps of a pose network to people, and back."""

from pose.parsing.encode import encode
from pose.parsing.parser import ParserSettings, parse, prepare_parser

__all__ = ["ParserSettings", "encode", "parse", "prepare_parser"]
