"""Arguments of ``demo``."""

from ..harness import Case, case

DEMO = 'demo --work-dir new'
NOTHING = dict(absent=('new',))

CASES: list[Case] = [
    case('an argument that it does not take', 'demo images --work-dir new', 'rejected', 'images', **NOTHING),
    case('an unknown option', f'{DEMO} --epochs 3', 'rejected', '--epochs', **NOTHING),
    case('--work-dir without a value', 'demo --work-dir', 'rejected', '--work-dir'),
    case('--work-dir is empty', "demo --work-dir ''", 'rejected', '--work-dir: must not be empty'),
    case('--work-dir is a file', 'demo --work-dir val.txt', 'rejected', '--work-dir', 'val.txt'),
    case('--work-dir is in a file', 'demo --work-dir val.txt/new', 'rejected', '--work-dir', 'val.txt'),
    case(
        '--work-dir is a URL',
        'demo --work-dir s3://bucket/new',
        'rejected',
        '--work-dir',
        'must be a folder on a disk',
        absent=('s3:',),
    ),
    case('--work-dir is a folder of the system', 'demo --work-dir /proc/new', 'rejected', '/proc/new'),
    case('--work-dir holds other files', 'demo --work-dir images', 'rejected', '--work-dir', 'images'),
    case('--work-dir holds a training', 'demo --work-dir work', 'rejected', '--work-dir', 'work'),
    case('--work-dir holds a project', 'demo --work-dir project', 'rejected', '--work-dir', 'project'),
    case('--overwrite: a file', 'demo --work-dir val.txt --overwrite', 'rejected', '--work-dir', 'val.txt'),
    case('--overwrite with a value', f'{DEMO} --overwrite=yes', 'rejected', '--overwrite', **NOTHING),
    case(
        '--cfg-options: misspelled', f'{DEMO} --cfg-options trian_cfg.max_epochs=1', 'rejected', 'train_cfg', **NOTHING
    ),
    case('--cfg-options: unknown', f'{DEMO} --cfg-options lr=1', 'rejected', 'optim_wrapper.optimizer.lr', **NOTHING),
    case('--cfg-options: nothing', f'{DEMO} --cfg-options', 'rejected', '--cfg-options', **NOTHING),
    case(
        '--cfg-options: no epochs', f'{DEMO} --cfg-options train_cfg.max_epochs=0', 'rejected', 'max_epochs', **NOTHING
    ),
    case(
        '--cfg-options: epochs in words',
        f'{DEMO} --cfg-options train_cfg.max_epochs=many',
        'rejected',
        'max_epochs',
        'many',
        **NOTHING,
    ),
    case(
        '--cfg-options: no training images',
        f'{DEMO} --cfg-options train_dataloader.dataset.length=0',
        'rejected',
        'length',
        **NOTHING,
    ),
    case(
        '--cfg-options: images of 0 pixels',
        f'{DEMO} --cfg-options train_dataloader.dataset.image_size=0',
        'rejected',
        'size',
        **NOTHING,
    ),
    case(
        '--cfg-options: no test images', f'{DEMO} --cfg-options test_dataloader.dataset.length=-1', 'rejected', 'length'
    ),
    case(
        '--cfg-options: an unknown dataset',
        f'{DEMO} --cfg-options train_dataloader.dataset.type=Shapes',
        'rejected',
        'Shapes',
        **NOTHING,
    ),
    case(
        '--cfg-options: another number of classes',
        f'{DEMO} --cfg-options model.decode_head.num_classes=3',
        'rejected',
        'num_classes',
        **NOTHING,
    ),
    case(
        '--cfg-options: a network that is not there',
        f'{DEMO} --cfg-options model.backbone.type=ResNet51',
        'rejected',
        'ResNet51',
        **NOTHING,
    ),
    case(
        '--cfg-options: no metric', f'{DEMO} --cfg-options test_evaluator=None', 'rejected', 'test_evaluator', **NOTHING
    ),
]
