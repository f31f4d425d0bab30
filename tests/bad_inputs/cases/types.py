"""Settings of another type than their class takes, and parts that are None."""

from ..harness import Case, case
from .configs import OWN, inherits, supervised

CASES: list[Case] = [
    *(
        case(name, OWN, 'rejected', words, prepare=supervised(text))
        for name, text, words in (
            (
                'number of processes in a text',
                "train_dataloader = dict(num_workers='4')",
                'num_workers` must be an integer',
            ),
            ('number of processes 2.0', 'train_dataloader = dict(num_workers=2.0)', 'must be an integer, got 2.0'),
            (
                'endless training',
                "train_cfg = dict(max_epochs=float('inf'))",
                'max_epochs` must be an integer, got inf',
            ),
            ('training of 1e12 epochs', 'train_cfg = dict(max_epochs=10**12)', 'must be in 1..2147483647'),
            ('no batch size', 'train_dataloader = dict(batch_size=None)', 'batch_size` must be an integer, got None'),
            ('number of classes in a text', "model = dict(decode_head=dict(num_classes='7'))", "got the text '7'"),
            ('False in a text', "model = dict(decode_head=dict(align_corners='False'))", 'must be True or False'),
            ('loss that is a name', "model = dict(decode_head=dict(loss_decode=['CE']))", 'FCNHead` cannot be built'),
            ('no data preprocessor', 'model = dict(data_preprocessor=None)', '`model.data_preprocessor` must be'),
            ('folder with a tilde', "train_dataloader = dict(dataset=dict(data_root='~/data'))", 'a path without ~'),
            ('network with numbers as keys', 'model = {1: 2}', '`model` must have texts as keys, got 1'),
            ('no metric', 'val_evaluator = None', '`val_evaluator` must be set like `val_dataloader`'),
            (
                'metric of masks that are not loaded',
                "steps = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]\n"
                'val_dataloader = dict(dataset=dict(pipeline=steps))',
                '`val_dataloader.dataset.pipeline` must load the masks that IoUMetric',
            ),
        )
    ),
    case(
        'no list of metrics',
        'test own.py work/epoch_2.pth --work-dir new',
        'done',
        'nothing is measured',
        prepare=inherits('test_evaluator = None'),
    ),
]
