"""Reads a QR code as a telephone does: paint the picture, then decode the pixels."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import zxingcpp

_PREFIX = "data:image/svg+xml;charset=utf-8,"
_SVG = "{http://www.w3.org/2000/svg}"
_MOVE = re.compile(r"([Mmhz])(-?[\d.]+)?(?: ?(-?[\d.]+))?")
_SCALE = 4


def decoded(data_uri: str) -> str:
    """The text of the QR code in an SVG data URI. Fails where there is not exactly one."""
    assert data_uri.startswith(_PREFIX)
    root = ElementTree.fromstring(unquote(data_uri.removeprefix(_PREFIX)))
    size = int(root.attrib["width"]) // _SCALE
    background, dark = root.iter(f"{_SVG}path")
    assert background.attrib["fill"] == "#fff"
    assert dark.attrib["stroke"] == "#000"
    pixels = _painted(dark.attrib["d"], size)
    image = memoryview(pixels).cast("B", shape=(size * _SCALE, size * _SCALE))
    [found] = zxingcpp.read_barcodes(image)
    return found.text


def _painted(path: str, size: int) -> bytearray:
    """A white square with the path's strokes, one unit high, in black."""
    side = size * _SCALE
    pixels = bytearray(b"\xff" * side * side)
    x = y = 0.0
    for command, first, second in _MOVE.findall(path):
        match command:
            case "M":
                x, y = float(first), float(second)
            case "m":
                x, y = x + float(first), y + float(second)
            case "h":
                for row in range(int(y - 0.5) * _SCALE, int(y + 0.5) * _SCALE):
                    start = row * side + int(x) * _SCALE
                    pixels[start : start + int(float(first)) * _SCALE] = bytes(
                        int(float(first)) * _SCALE
                    )
                x += float(first)
    return pixels
