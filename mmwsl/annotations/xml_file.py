"""XML of any origin.

The parser of the standard library opens no other file, and expat 2.4.1 or newer, which every supported Python brings,
limits how far entities expand. So files that would fill the memory ("billion laughs") are errors here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

HEAD = 1 << 16


def parse_xml(content: bytes, source: str | Path) -> ElementTree.Element:
    """Parse an XML file and return its root.

    Raises:
        ValueError: If the content is not XML; the message names ``source``.
    """
    with _one_error(source):
        return ElementTree.fromstring(content)


def root_tag(content: bytes, source: str | Path) -> str:
    """Return the tag of the root, from the first bytes of an XML file if they reach it.

    Raises:
        ValueError: If the content is not XML; the message names ``source``.
    """
    parser: Any = ElementTree.XMLPullParser(['start'])
    with _one_error(source):
        parser.feed(content[:HEAD])
        tag = next((element.tag for _, element in parser.read_events()), None)
    return parse_xml(content, source).tag if tag is None else str(tag)


@contextmanager
def _one_error(source: str | Path) -> Iterator[None]:
    try:
        yield
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: encodings that expat cannot read
        raise ValueError(f'{source}: not XML ({error}). Export or download it again.') from error
