"""Masks as tasks of Label Studio with brush masks."""

import json
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from mmwsl.utils.files import atomic_write

from .writer import MaskWriter

FILE = 'tasks.json'
SIZES = (3, 4, 8, 16)
INTERFACE = """<View>
  <Image name="image" value="$image" zoom="true"/>
  <BrushLabels name="tag" toName="image">
{labels}  </BrushLabels>
</View>
"""


class LabelStudioWriter(MaskWriter):
    """Writer of ``tasks.json``, with one brush mask per class as pre-annotation, and of ``labels.xml``.

    ``labels.xml`` is the labeling interface to paste into the settings of the project. Images are found through local
    storage: ``/data/local-files/?d=NAME``. Ignored pixels are in no brush mask.
    """

    def _open(self) -> None:
        self.output = self.folder / FILE
        self._file = self._stack.enter_context(atomic_write(self.output))
        self._file.write(b'[')

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        results = [self._result(mask == label, label) for label in self.present(mask)]
        task = dict(
            data=dict(image=f'/data/local-files/?d={quote(name)}'),
            predictions=[dict(model_version='mmwsl', result=results)],
        )
        separator = ',\n' if self.manifest else ''
        self._file.write(f'{separator}{json.dumps(task)}'.encode())
        return FILE

    def _result(self, mask: np.ndarray, label: int) -> dict[str, Any]:
        return dict(
            id=f'class-{label}',
            type='brushlabels',
            from_name='tag',
            to_name='image',
            original_width=mask.shape[1],
            original_height=mask.shape[0],
            image_rotation=0,
            value=dict(format='rle', rle=encode_brush(mask), brushlabels=[self.classes[label]]),
        )

    def _close(self) -> None:
        self._file.write(b']\n')
        labels = ''.join(
            f'    <Label value={quoteattr(name)} background="#{bytes(color).hex()}"/>\n'
            for name, color in zip(self.classes[1:], self.palette[1:], strict=True)
        )
        with atomic_write(self.folder / 'labels.xml') as file:
            file.write(INTERFACE.format(labels=labels).encode())


def encode_brush(mask: np.ndarray) -> list[int]:
    """Encode a mask as Label Studio's brush does: the run-length code of ``@thi.ng/rle-pack`` over RGBA bytes.

    The bits are, highest first: 32 for the number of bytes, 5 for the bits per value - 1, and four times 4 for the bits
    of a length - 1. Then follows each run: 1, 2 bits for the place of the bits of its length, its length - 1, and its
    value. Each pixel is four equal bytes, 255 inside the mask and 0 outside.

    Args:
        mask: The mask, ``(H, W)`` bool.

    Returns:
        The bytes as integers in 0..255.
    """
    line = mask.reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]]))
    lengths = 4 * np.diff(starts, append=line.size)
    bits = [f'{4 * line.size:032b}{7:05b}', *(f'{size - 1:04b}' for size in SIZES)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = '1' * 8 if line[start] else '0' * 8
        for part in [1 << SIZES[-1]] * (length >> SIZES[-1]) + [length & (1 << SIZES[-1]) - 1]:
            if part:
                place = next(place for place, size in enumerate(SIZES) if part <= 1 << size)
                bits.append(f'1{place:02b}{part - 1:0{SIZES[place]}b}{value}')
    text = ''.join(bits)
    return list(int(text.ljust(-len(text) % 8 + len(text), '0'), 2).to_bytes(-(-len(text) // 8), 'big'))
