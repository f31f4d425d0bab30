"""Proposals of BING in text files, one per image."""

import numpy as np

from mmwsl.utils.files import read_text
from mmwsl.utils.text import shorten

from .proposals import ProposalRecord, make_proposals


def read_bing_proposals(path: str, shape: tuple[int, int], backend_args: dict | None = None) -> ProposalRecord:
    """Read the boxes of one image, as BING (Cheng et al., CVPR 2014) writes them.

    The first line is the number of boxes. Each other line is ``score, x1, y1, x2, y2``, in pixels numbered from 1, the
    last included. Scores may be negative.

    Args:
        path: The file.
        shape: Height and width of the image.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has not as many boxes as it says, or a line is no box.
    """
    text = read_text(path, 'proposal file', backend_args)
    first, *lines = [line for line in text.splitlines() if line.strip()] or ['']
    if first.strip() != str(len(lines)):
        raise ValueError(f'{path}:1: must be the number of the following boxes, {len(lines)}, got {shorten(first)}.')
    rows = np.empty((len(lines), 5))
    for number, line in enumerate(lines):
        try:
            rows[number] = [float(cell) for cell in line.split(',')]
        except ValueError as error:
            raise ValueError(f'{path}: a box must be `score, x1, y1, x2, y2`, got {shorten(line)}.') from error
    return make_proposals(rows[:, 1:] - [1, 1, 0, 0], rows[:, 0], None, shape, path)
