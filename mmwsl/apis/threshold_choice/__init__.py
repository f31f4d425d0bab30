"""Choice of background thresholds without masks."""

from .choice import ThresholdChoice
from .choose import choose_thresholds
from .rules import RULES

__all__ = ['RULES', 'ThresholdChoice', 'choose_thresholds']
