"""Readers of image-level labels: one pure function per format, each returning records of class names."""

from .class_folders import read_class_folders
from .coco import read_coco
from .csv_table import read_csv
from .json_table import read_json, read_jsonl
from .record import ImageLabelRecord
from .table import read_table
from .voc_lists import read_voc_lists
from .voc_xml import read_voc_xml

__all__ = [
    'ImageLabelRecord',
    'read_class_folders',
    'read_coco',
    'read_csv',
    'read_json',
    'read_jsonl',
    'read_table',
    'read_voc_lists',
    'read_voc_xml',
]
