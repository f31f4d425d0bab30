"""Classification quality of the predicted image-level labels."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable

from ...functional import average_precision
from ...registry import METRICS


@METRICS.register_module()
class ImageLabelMetric(BaseMetric):
    """Mean average precision of ``pred_label.score`` against ``gt_label.score``, in percent.

    Background (class 0) does not count, nor a class without a positive image. See
    :func:`mmwsl.functional.average_precision`.

    Args:
        eleven_point: Report VOC 2007's AP of eleven points as well, as ``mAP_11point``. ``mAP`` is the area
            under the curve as it is; the kit of VOC since 2010 first makes the precision monotone, and gives a little
            more.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = None

    def __init__(self, eleven_point: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.eleven_point = eleven_point

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the scores and labels of a batch."""
        for sample in data_samples:
            for field, source in (
                ('pred_label', "the segmentor type='mmwsl.WeakEncoderDecoder'"),
                (
                    'gt_label',
                    "the transform type='mmwsl.PackImageLabelInputs', and the dataset's "
                    '`label_file`; without tags, leave the metric out',
                ),
            ):
                if field not in sample:
                    raise KeyError(f'ImageLabelMetric needs the field `{field}` of the data sample: add {source}')
            self.results.append(tuple(sample[field]['score'].cpu().numpy() for field in ('pred_label', 'gt_label')))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the AP of each class, print them, and return ``mAP`` (and ``mAP_11point``)."""
        scores, labels = (np.stack(values) for values in zip(*results, strict=True))
        classes = self.dataset_meta['classes']
        columns = dict(AP=False, AP_11point=True) if self.eleven_point else dict(AP=False)
        aps = {
            key: [
                100 * average_precision(scores[:, k], labels[:, k], eleven_point=eleven_point)
                for k in range(1, len(classes))
            ]
            for key, eleven_point in columns.items()
        }
        table = PrettyTable(['Class', *aps, 'Positives'])
        for name, *values, column in zip(classes[1:], *aps.values(), labels.T[1:], strict=True):
            table.add_row([name, *(f'{ap:.2f}' for ap in values), int((column == 1).sum())])
        print_log(f'per class average precision:\n{table}', MMLogger.get_current_instance())
        return {
            f'm{key}': float(np.round(np.nanmean(values), 2)) if not np.isnan(values).all() else float('nan')
            for key, values in aps.items()
        }
