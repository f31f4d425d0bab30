"""Background models."""

from .background import ConstantBackground, IndependentClasses, LearnedBackground, PowerBackground

__all__ = ['ConstantBackground', 'IndependentClasses', 'LearnedBackground', 'PowerBackground']
