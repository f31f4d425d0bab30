"""Background models."""

from .backgrounds import ConstantBackground, LearnedBackground, PowerBackground, SigmoidBackground

__all__ = ['ConstantBackground', 'SigmoidBackground', 'LearnedBackground', 'PowerBackground']
