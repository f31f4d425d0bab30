"""Annotations of images: labels, boxes, masks and proposals, with one parser per file format."""

from .boxes import ObjectBox, component_boxes, mask_boxes
from .class_folders import read_class_folders
from .coco import coco_boxes, load_coco, read_coco
from .coco_masks import ObjectMask, coco_instances, coco_masks
from .coco_proposals import COCOResults
from .csv_table import read_csv
from .cvat_xml import read_cvat_xml
from .image_labels import read_image_labels
from .image_list import read_names
from .json_table import read_json, read_jsonl, write_jsonl
from .label_studio import read_label_studio
from .mask_file import IGNORE_COLOR, IGNORE_INDEX, encode_mask, read_mask, write_mask
from .mask_formats import MASK_FORMATS, COCOInstanceWriter, MaskWriter, open_mask_writer
from .one_hot import read_one_hot
from .proposal_files import read_proposals
from .proposals import ProposalRecord
from .record import ImageLabelRecord, make_record
from .table import read_table
from .voc_lists import read_voc_lists
from .voc_xml import load_voc_xml, read_voc_xml, voc_boxes
from .yolo import read_yolo

__all__ = [
    'IGNORE_COLOR',
    'IGNORE_INDEX',
    'MASK_FORMATS',
    'MaskWriter',
    'COCOInstanceWriter',
    'COCOResults',
    'ImageLabelRecord',
    'ObjectBox',
    'ObjectMask',
    'ProposalRecord',
    'coco_boxes',
    'coco_instances',
    'coco_masks',
    'encode_mask',
    'load_coco',
    'load_voc_xml',
    'make_record',
    'component_boxes',
    'mask_boxes',
    'open_mask_writer',
    'read_class_folders',
    'read_coco',
    'read_csv',
    'read_cvat_xml',
    'read_json',
    'read_label_studio',
    'read_image_labels',
    'read_jsonl',
    'read_mask',
    'read_names',
    'read_proposals',
    'read_one_hot',
    'read_table',
    'read_voc_lists',
    'read_voc_xml',
    'read_yolo',
    'voc_boxes',
    'write_jsonl',
    'write_mask',
]
