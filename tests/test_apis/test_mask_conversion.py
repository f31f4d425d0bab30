"""Conversion of masks to another format, which an error interrupts."""

import numpy as np
import pytest

from mmwsl.annotations import read_mask, write_mask
from mmwsl.apis.mask_conversion import convert_masks
from mmwsl.utils.output_folder import OutputFolder

CLASSES, PALETTE = ('background', 'box'), [(0, 0, 0), (128, 0, 0)]


def test_a_conversion_that_fails_leaves_the_earlier_one_and_nothing_else(tmp_path):
    output, mask = OutputFolder(tmp_path, 'mmwsl predict'), tmp_path / 'masks/a.png'
    mask.parent.mkdir()
    write_mask(mask, np.eye(4, dtype=np.uint8), PALETTE)

    def convert(*names):
        masks = [(name, mask.with_name(name), '') for name in names]
        return convert_masks(output, 'png', CLASSES, PALETTE, masks)

    assert convert('a.png') == tmp_path / 'png'
    before = sorted(tmp_path.rglob('*'))
    (tmp_path / 'tmp_.mmwsl_files_a1b2.part').touch()  # of an interrupted run
    convert('a.png')
    with pytest.raises(FileNotFoundError, match=r'b\.png'):
        convert('a.png', 'b.png')
    assert sorted(tmp_path.rglob('*')) == before
    assert (read_mask(tmp_path / 'png/a.png') == np.eye(4)).all()
