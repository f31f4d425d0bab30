"""Proposals of one image from a file, in the format of its suffix."""

from pathlib import PurePath

from mmwsl.utils.text import check_choice

from .bing_proposals import read_bing_proposals
from .mcg_proposals import read_mcg_proposals
from .npz_proposals import read_npz_proposals
from .proposals import ProposalRecord

PROPOSAL_READERS = {'.npz': read_npz_proposals, '.mat': read_mcg_proposals, '.txt': read_bing_proposals}


def read_proposals(path: str, shape: tuple[int, int], backend_args: dict | None = None) -> ProposalRecord:
    """Read the proposals of one image: ``.npz``, ``.mat`` of MCG, or ``.txt`` of BING.

    Args:
        path: The file.
        shape: Height and width of the image.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the suffix is another one, or the file is damaged, empty or of an image of another size.
    """
    suffix = PurePath(path).suffix.lower()
    check_choice('suffix', suffix, list(PROPOSAL_READERS))
    return PROPOSAL_READERS[suffix](path, shape, backend_args)
