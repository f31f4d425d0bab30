"""Sources of proposals: computed from the picture, or read from disk."""

from .base import Proposals, ProposalSource, RegionMasks, RunMasks
from .coco_file import COCOProposals
from .npz_files import ProposalFiles
from .region_tree import RegionTree
from .selective_search import SelectiveSearch

__all__ = [
    'COCOProposals',
    'ProposalFiles',
    'ProposalSource',
    'Proposals',
    'RegionMasks',
    'RegionTree',
    'RunMasks',
    'SelectiveSearch',
]
