"""Settings for GPUs: what they change in a config, and that they change no result."""

import copy
from contextlib import nullcontext

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import MODEL_WRAPPERS, OPTIM_WRAPPERS
from torch import distributed

from mmwsl.apis import acceleration
from mmwsl.apis.acceleration import accelerate, set_precision
from mmwsl.apis.config import load_config
from mmwsl.apis.launch import build_runner
from mmwsl.apis.training import main, train
from mmwsl.engine.hooks import ChannelsLastHook


def config(**settings):
    """Return the parts of a config that the settings change."""
    optimizer = dict(type='SGD', lr=0.1)
    loader = dict(num_workers=2)
    wrapper = dict(type='OptimWrapper', optimizer=optimizer)
    return Config(dict(optim_wrapper=wrapper, train_dataloader=loader, **settings))


@pytest.fixture
def gpu(monkeypatch):
    """A machine that says it has a GPU of the compute capability 8.0."""
    monkeypatch.setattr(acceleration, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: (8, 0))
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield monkeypatch
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_nothing_changes_on_a_cpu():
    given = config(acceleration_cfg=dict(acceleration.ACCELERATION))
    changed = copy.deepcopy(given)
    assert accelerate(changed) == ([], 'float32') and changed.to_dict() == given.to_dict()


def test_everything_is_on_with_a_gpu(gpu):
    cfg = config()
    hooks, text = accelerate(cfg)
    assert [type(hook) for hook in hooks] == [ChannelsLastHook]
    loading = 'pinned memory, persistent processes, prefetching 4'
    assert text == f'bfloat16, TF32, channels last, fused optimizer, {loading}'
    cfg.model = dict(data_preprocessor=dict(type='mmwsl.FusedSegDataPreProcessor'))
    assert 'fused optimizer, fused preprocessing, pinned memory' in accelerate(cfg)[1]
    assert cfg.optim_wrapper == dict(type='mmwsl.BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1, fused=True))
    assert cfg.train_dataloader == dict(num_workers=2, pin_memory=True, persistent_workers=True, prefetch_factor=4)
    assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32


def test_everything_can_be_switched_off(gpu):
    off = dict(amp='off', tf32=False, channels_last=False, fused_optimizer=False)
    cfg = config(acceleration_cfg=off)
    cfg.train_dataloader.update(pin_memory=False, persistent_workers=False, prefetch_factor=1)
    given = copy.deepcopy(cfg)
    assert accelerate(cfg) == ([], 'float32, prefetching 1')
    assert cfg.to_dict() == given.to_dict()
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_an_old_gpu_has_no_bfloat16(gpu):
    gpu.setattr(torch.cuda, 'get_device_capability', lambda: (7, 5))
    assert accelerate(config())[1].startswith('float32, TF32, channels last, fused optimizer, ')


def test_loaders_of_every_runner_are_prepared(gpu, tiny_config):
    """In `build_runner`, which evaluation and label generation use too."""
    path = tiny_config()
    cfg = Config.fromfile(path)
    cfg.test_dataloader.update(num_workers=2, persistent_workers=False)
    cfg.merge_from_dict(dict(work_dir=str(path.parent / 'work'), acceleration_cfg=dict(tf32=False)))
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = True
    build_runner(cfg)
    assert cfg.val_dataloader.pin_memory and 'prefetch_factor' not in cfg.val_dataloader
    loader = cfg.test_dataloader
    assert (loader.pin_memory, loader.persistent_workers, loader.prefetch_factor) == (True, False, 4)
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize('fails', [False, True])
def test_a_training_leaves_the_settings_of_the_process_as_they_were(gpu, tiny_config, fails):
    """Post-processing in the same process is in float32, and for images of many sizes."""
    path, seen = tiny_config(env_cfg=dict(cudnn_benchmark=True)), []
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn

    class Observer(Hook):
        """Hook that records the setting during the training."""

        def after_train_iter(self, *args, **kwargs):
            seen.append(products.allow_tf32 and cudnn.allow_tf32 and cudnn.benchmark)
            if fails:
                raise KeyboardInterrupt

    products.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
    cfg = load_config(path, None, path.parent / 'work')
    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        train(cfg, hooks=[Observer()])
    assert seen and all(seen) and not (products.allow_tf32 or cudnn.allow_tf32 or cudnn.benchmark)


def test_weights_are_channels_last_before_the_model_is_wrapped_for_several_processes(gpu, tiny_config):
    """The wrapper makes its buffers of gradients in the order of the weights."""
    seen = []

    @MODEL_WRAPPERS.register_module(force=True)
    class Recorder(MMDistributedDataParallel):
        """Wrapper that records whether weights are channels last when it is made."""

        def __init__(self, module, **settings):
            weights = [weight for weight in module.parameters() if weight.dim() == 4]
            seen.append(all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights))
            super().__init__(module, **settings)

    path = tiny_config(model_wrapper_cfg=dict(type='Recorder'))
    cfg = load_config(path, None, path.parent / 'work')
    cfg.train_cfg.max_iters = 1
    gpu.setenv('LOCAL_RANK', '0')
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    try:
        runner = train(cfg, launcher='pytorch')
        evaluated = build_runner(cfg, 'pytorch')
    finally:
        distributed.destroy_process_group()
    assert seen == [True, False]  # the runner of an evaluation with the same config has the usual order
    assert 'channels_last' not in runner.cfg
    assert all(weight.is_contiguous() for weight in evaluated.model.parameters())


def test_what_the_config_sets_stays(gpu):
    cfg = config()
    cfg.train_dataloader = dict(num_workers=0)  # neither persists nor prefetches
    cfg.optim_wrapper.optimizer.foreach = True
    assert 'fused' not in accelerate(cfg)[1] and 'fused' not in cfg.optim_wrapper.optimizer
    assert cfg.train_dataloader == dict(num_workers=0, pin_memory=True)
    for name in ('Rprop', 'Adagrad'):  # no fused kernel, and one for CPUs only
        cfg.optim_wrapper.optimizer = dict(type=name, lr=0.1)
        assert 'fused' not in accelerate(cfg)[1] and 'fused' not in cfg.optim_wrapper.optimizer


def test_precisions_of_a_command(gpu):
    cfg = config()
    assert set_precision(cfg, 'float16') == 'float16'
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper' and cfg.optim_wrapper.dtype == 'float16'
    assert set_precision(cfg, 'auto') == 'float16'  # what the config has
    with pytest.raises(ValueError, match="^--amp off contradicts `optim_wrapper.type`, got 'AmpOptimWrapper'"):
        set_precision(cfg, 'off')

    @OPTIM_WRAPPERS.register_module(force=True)
    class UsersAmpOptimWrapper(AmpOptimWrapper):
        """Mixed precision of a user's own package."""

    cfg = Config(dict(optim_wrapper=dict(type='UsersAmpOptimWrapper', loss_scale=8.0)))
    assert set_precision(cfg, 'auto') == 'float16'
    assert cfg.optim_wrapper == dict(type='UsersAmpOptimWrapper', loss_scale=8.0)
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    assert set_precision(cfg, 'auto') == 'float32'
    with pytest.raises(ValueError, match="^--amp bfloat16 needs `optim_wrapper.type` .* 'ApexOptimWrapper'"):
        set_precision(cfg, 'bfloat16')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(amp='fp16'), r"`acceleration_cfg\.amp` must be one of .*, got 'fp16'"),
        (dict(tf32='yes'), r"`acceleration_cfg\.tf32` must be True or False, got 'yes'"),
        pytest.param(
            dict(amp='float16'),
            r'acceleration_cfg\.amp float16 needs a GPU',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU'),
        ),
    ],
)
def test_wrong_settings_are_one_line(settings, message):
    with pytest.raises(ValueError, match=f'^{message}'):
        accelerate(config(acceleration_cfg=settings))


def log_of(work_dir):
    """Return the text of the log of a training."""
    return next(work_dir.glob('*/*.log')).read_text()


def losses_of(log):
    """Return the losses in a log."""
    return [float(line.split(' loss: ')[1].split()[0]) for line in log.splitlines() if ' loss: ' in line]


def test_a_training_in_bfloat16_follows_one_in_float32(tiny_config, tmp_path):
    path = str(tiny_config())
    for amp in ('off', 'bfloat16'):
        options = ['default_hooks.logger.interval=1', f'experiment_name={tmp_path.name}_{amp}']
        main([path, '--work-dir', str(tmp_path / amp), '--amp', amp, '--cfg-options', *options])
    exact, rounded = (losses_of(log_of(tmp_path / amp)) for amp in ('off', 'bfloat16'))
    assert 'on cpu (bfloat16)' in log_of(tmp_path / 'bfloat16') or torch.cuda.is_available()
    assert len(exact) == 4 and rounded == pytest.approx(exact, rel=1e-2)
    states = [torch.load(tmp_path / amp / 'iter_4.pth', weights_only=True)['state_dict'] for amp in ('off', 'bfloat16')]
    for name, value in states[0].items():
        assert states[1][name].dtype == value.dtype
        torch.testing.assert_close(states[1][name], value, rtol=0.05, atol=2e-3)
    assert any(not torch.equal(states[1][name], value) for name, value in states[0].items())


def test_channels_last_changes_neither_values_nor_a_resumed_optimizer():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3))
    other = copy.deepcopy(model)
    inputs = torch.rand(2, 3, 9, 9)

    class RunnerParts:
        """What the hook reads of a runner."""

    runner = RunnerParts()
    runner.model = other
    states = []
    for network in (model, other):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        wrapper = acceleration.OptimWrapper(optimizer)
        for step in range(3):
            if network is other and step == 1:  # as after the checkpoint of a training with the usual order
                runner.optim_wrapper = wrapper
                ChannelsLastHook().before_train(runner)
                assert all(
                    state['momentum_buffer'].stride() == weight.stride() for weight, state in optimizer.state.items()
                )
            wrapper.update_params(network(inputs).square().mean())
        states.append(network.state_dict())
    assert other[0].weight.is_contiguous(memory_format=torch.channels_last)
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value)
