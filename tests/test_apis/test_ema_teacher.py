"""A moving average of the weights as the teacher of the next round of pseudo-labels."""

import pytest
import torch
from mmengine.hooks import Hook

from mmwsl import apis
from mmwsl.apis.pseudo_labels.generate import generate_pseudo_labels
from mmwsl.engine.runner import WeakSegRunner

MOMENTUM = 0.3


class Recorder(Hook):
    """Keeps a copy of the weights after each training iteration, and those that predict."""

    priority = 'LOWEST'

    def __init__(self):
        self.states = []
        self.predicting = None

    def after_train_iter(self, runner, *args, **kwargs):
        self.states.append({name: value.cpu().clone() for name, value in runner.model.state_dict().items()})

    def before_test_iter(self, runner, *args, **kwargs):
        self.predicting = {name: value.cpu().clone() for name, value in runner.model.state_dict().items()}


@pytest.fixture(scope='module')
def trained(repository, tmp_path_factory):
    """A training of four iterations with the hook of ``psl_deeplabv3plus_voc6_ema``: folder and recorder."""
    folder = tmp_path_factory.mktemp('ema')
    cfg = apis.load_config(repository / 'configs/pseudo_labels/psl_deeplabv3plus_voc6_ema.py')
    (ema,) = (hook for hook in cfg.custom_hooks if hook.type == 'EMAHook')
    cfg = _config(repository, folder)
    cfg.custom_hooks.append(dict(ema, momentum=MOMENTUM))
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.length = 8
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.val_dataloader.dataset.length = 1
    runner, recorder = WeakSegRunner.from_cfg(cfg), Recorder()
    runner.register_hook(recorder)
    runner.train()
    return folder, recorder.states


def _config(repository, folder):
    cfg = apis.load_config(repository / 'configs/shapes/wsl_lse_shapes.py')
    cfg.work_dir, cfg.experiment_name = str(folder / 'work'), folder.name
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


def _average(states, name):
    """Return the closed form: the weights of the first iteration, decayed, and the later ones."""
    count = len(states) - 1
    terms = [(1 - MOMENTUM) ** count * states[0][name]]
    terms += [MOMENTUM * (1 - MOMENTUM) ** (count - i) * states[i][name] for i in range(1, count + 1)]
    return sum(terms)


def test_the_checkpoint_has_the_average_and_the_last_statistics_of_normalization(trained):
    folder, states = trained
    assert len(states) == 4
    saved = torch.load(folder / 'work' / 'epoch_1.pth', weights_only=True)['state_dict']
    assert saved.keys() == states[-1].keys()
    buffers = {name for name in saved if 'running' in name or 'num_batches' in name}
    assert buffers and 'decode_head.conv_seg.weight' not in buffers
    for name, value in saved.items():
        expected = states[-1][name] if name in buffers else _average(states, name)
        torch.testing.assert_close(value, expected, msg=name)
    changed = [not torch.allclose(value, states[-1][name]) for name, value in saved.items() if name not in buffers]
    assert all(changed), 'the average differs from the last weights'


def test_labels_are_generated_with_the_average(trained, repository):
    folder, _ = trained
    checkpoint = folder / 'work' / 'epoch_1.pth'
    recorder = Recorder()
    cfg = _config(repository, folder)
    cfg.train_dataloader.dataset.length = 8
    generate_pseudo_labels(cfg, str(checkpoint), folder / 'labels', max_images=2, hooks=[recorder])
    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(value, saved[name]) for name, value in recorder.predicting.items())
    assert len(list((folder / 'labels' / 'masks').glob('*.png'))) == 2
