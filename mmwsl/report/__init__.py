"""The report: HTML pages that open from disk, without a network."""

from .data import SPLITS, Check, ReportData, ReportImage, Stage
from .writer import write_report

__all__ = ['SPLITS', 'Check', 'ReportData', 'ReportImage', 'Stage', 'write_report']
