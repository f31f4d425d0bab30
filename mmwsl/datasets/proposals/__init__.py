"""Sources of proposals: computed from the image, or read from disk."""

from .base import Proposals, ProposalSource, RegionMasks, RLEMasks
from .files import COCOProposals, FolderProposals
from .region_tree import RegionTree
from .selective_search import SelectiveSearch

__all__ = [
    'COCOProposals',
    'FolderProposals',
    'ProposalSource',
    'Proposals',
    'RegionMasks',
    'RegionTree',
    'RLEMasks',
    'SelectiveSearch',
]
