"""Background models."""

from .background import ConstantBackground, LearnedBackground, PowerBackground

__all__ = ['ConstantBackground', 'LearnedBackground', 'PowerBackground']
