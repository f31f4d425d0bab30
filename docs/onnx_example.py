"""Predict a mask with an exported network: numpy, Pillow and onnxruntime, without torch.

python onnx_example.py model.onnx image.jpg mask.png
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def predict(session: onnxruntime.InferenceSession, image: np.ndarray) -> np.ndarray:
    """Segment an image, RGB (H, W, 3) uint8, into class indices (H, W) uint8."""
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, {'image': image.transpose(2, 0, 1)[None]}), strict=True))
    scores = outputs['probs'][0]
    metadata = session.get_modelmeta().custom_metadata_map
    for step in json.loads(metadata['postprocessors']):
        name = step['type'].split('.')[-1]
        if name == 'ImageLevelPrior' and 'image_probs' in outputs:
            scores = scores * outputs['image_probs'][0][:, None, None]
        elif name == 'ClassThresholds':  # the background where the best class does not exceed its threshold
            thresholds = np.broadcast_to(np.float32(json.loads(metadata['thresholds'])), len(scores) - 1)
            scores[0] = thresholds[scores[1:].argmax(0)]
        else:
            print(f'{name} is not applied.', file=sys.stderr)
    return scores.argmax(0).astype(np.uint8)


def main(model: str, image: str, mask: str) -> None:
    """Write the mask of an image file as an index PNG with the palette of the model."""
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    pixels = np.asarray(ImageOps.exif_transpose(Image.open(image)).convert('RGB'))
    result = Image.fromarray(predict(session, pixels))
    result.putpalette(sum(json.loads(session.get_modelmeta().custom_metadata_map['palette']), []))
    result.save(mask)


if __name__ == '__main__':
    main(*sys.argv[1:])
