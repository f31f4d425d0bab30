"""The report: HTML pages that open from disk, without a network."""

from .data import SPLITS, Check, ReportData, ReportImage, Stage

__all__ = ['SPLITS', 'Check', 'ReportData', 'ReportImage', 'Stage']
