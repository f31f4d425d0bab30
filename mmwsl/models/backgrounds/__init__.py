"""Background models."""

from .backgrounds import Background, ConstantBackground, LearnedBackground, PowerBackground, SigmoidBackground

__all__ = ['Background', 'ConstantBackground', 'LearnedBackground', 'PowerBackground', 'SigmoidBackground']
