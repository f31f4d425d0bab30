import os
import shutil
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from mmwsl.apis import UnsafeCheckpointError, check_checkpoint, latest_checkpoint
from mmwsl.apis.checkpoint import FORCE_WEIGHTS_ONLY, checkpoints_in, identify_checkpoint, weights_only_loading


class Reduced:
    """Pickles as a call that unpickling makes."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def malicious(tmp_path):
    """A checkpoint that creates a file when it is unpickled, and that file."""
    trace = tmp_path / 'code_ran'
    torch.save(dict(state_dict={}, meta=Reduced(os.mkdir, str(trace))), tmp_path / 'malicious.pth')
    return tmp_path / 'malicious.pth', trace


needs_safe_types = pytest.mark.skipif(
    torch.__version__ < (2, 6), reason='needs safe types of torch. Install it with: pip install torch>=2.6'
)


def as_the_runner_writes(path, weight=0.0):
    """Write the kinds of values that mmengine's runner puts into a checkpoint."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    hub = dict(log_scalars={'train/loss': history}, runtime_info=dict(best=np.float32(0.5), seed=np.int64(3)))
    torch.save(dict(state_dict=dict(weight=torch.tensor(weight)), message_hub=hub, meta=dict(iter=2)), path)
    return path


@needs_safe_types
def test_a_runners_checkpoint_is_accepted(tmp_path):
    check_checkpoint(as_the_runner_writes(tmp_path / 'iter_2.pth'))


def test_a_malicious_checkpoint_is_rejected_and_does_not_run(malicious):
    path, trace = malicious
    with pytest.raises(UnsafeCheckpointError, match=r"malicious\.pth' was rejected.*--trust-checkpoint"):
        check_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), 'the checkpoint is harmless: the test above shows nothing'


@pytest.mark.parametrize('owner, name', [(HistoryBuffer, '__init__'), (np.ndarray, 'tofile')])
def test_getattr_reaches_nothing_but_the_history(tmp_path, owner, name):
    torch.save(dict(meta=Reduced(getattr, owner, name)), tmp_path / 'getattr.pth')
    with pytest.raises(UnsafeCheckpointError, match='was rejected'):
        check_checkpoint(tmp_path / 'getattr.pth')


def test_a_damaged_checkpoint_is_rejected(tmp_path):
    path = as_the_runner_writes(tmp_path / 'iter_2.pth')
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnsafeCheckpointError, match='it is damaged'):
        check_checkpoint(path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'it is damaged, the file is empty. Use an earlier'),
        (b'PK\x03\x04 and nothing', 'it is damaged, its end is missing'),
        (b'model = dict()', r'it is another kind of file. Pass CONFIG first, then a \.pth file'),
    ],
)
def test_files_that_are_no_checkpoints_are_not_to_be_trusted(tmp_path, content, message):
    (tmp_path / 'file').write_bytes(content)
    with pytest.raises(UnsafeCheckpointError, match=message) as error:
        check_checkpoint(tmp_path / 'file')
    assert '--trust-checkpoint' not in str(error.value) and '\n' not in str(error.value)


def test_a_folder_names_its_newest_checkpoint(tmp_path):
    with pytest.raises(IsADirectoryError, match='no complete checkpoint: pass a .pth file'):
        check_checkpoint(tmp_path)
    path = as_the_runner_writes(tmp_path / 'iter_2.pth')
    with pytest.raises(IsADirectoryError, match=rf'must be a file, got the folder .*Pass {path}\.'):
        identify_checkpoint(str(tmp_path))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth' does not exist. Pass the path of a \.pth file"):
        check_checkpoint(tmp_path / 'none.pth')


def test_every_checkpoint_of_a_config_is_found():
    cfg = Config(
        dict(
            load_from='a.pth',
            model=dict(
                pretrained='torchvision://b',
                backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='c.pth')),
                heads=[dict(init_cfg=[dict(type='Pretrained', checkpoint='d.pth'), dict(type='Normal')])],
            ),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook')),
        )
    )
    assert checkpoints_in(cfg) == ['a.pth', 'torchvision://b', 'c.pth', 'd.pth']


def test_mmengines_own_fallback_is_closed(malicious):
    path, trace = malicious
    with pytest.raises(UnsafeCheckpointError, match='--trust-checkpoint'), weights_only_loading(Config()):
        CheckpointLoader.load_checkpoint(str(path))
    assert not trace.exists() and FORCE_WEIGHTS_ONLY not in os.environ
    with weights_only_loading(Config(), trust=True):
        CheckpointLoader.load_checkpoint(str(path))
    assert trace.exists(), 'mmengine loads it nowhere: the test above shows nothing'


@needs_safe_types
def test_within_the_guard_mmengine_loads_a_runners_checkpoint(tmp_path):
    path = as_the_runner_writes(tmp_path / 'iter_2.pth', weight=7.0)
    with weights_only_loading(Config(dict(load_from=str(path)))):
        assert CheckpointLoader.load_checkpoint(str(path))['state_dict']['weight'] == 7.0


def test_initial_weights_may_be_absent_but_not_what_is_loaded(tmp_path):
    weights = dict(type='Pretrained', checkpoint=str(tmp_path / 'gone.pth'))
    with weights_only_loading(Config(dict(model=dict(init_cfg=weights), load_from=None))):
        pass
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'), weights_only_loading(Config(dict(load_from='gone.pth'))):
        pass


class TestLatestCheckpoint:
    """Which checkpoint a killed training resumes from."""

    @pytest.fixture
    def work_dir(self, tmp_path):
        """A training with checkpoints of iterations 2, 4 and 6; the note names 4."""
        for age, name in enumerate(['best_mIoU_iter_2', 'iter_6', 'iter_4', 'iter_2']):
            path = as_the_runner_writes(tmp_path / f'{name}.pth')
            os.utime(path, (1000 - age, 1000 - age))
        (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
        return tmp_path

    def test_the_noted_one(self, work_dir):
        assert latest_checkpoint(work_dir) == str(work_dir / 'iter_4.pth')

    @pytest.mark.parametrize('note', ['', None, 'gone.pth'], ids=['empty', 'absent', 'out of date'])
    def test_the_newest_where_the_note_is_of_no_use(self, work_dir, note):
        (work_dir / 'last_checkpoint').unlink()
        if note is not None:
            (work_dir / 'last_checkpoint').write_text(note and str(work_dir / note))
        assert latest_checkpoint(work_dir) == str(work_dir / 'iter_6.pth')

    @pytest.mark.parametrize('kept', [0.0, 0.5, 0.99])
    def test_never_half_a_file(self, work_dir, kept):
        for name in ('iter_4', 'iter_6'):
            whole = (work_dir / f'{name}.pth').read_bytes()
            (work_dir / f'{name}.pth').write_bytes(whole[: int(kept * len(whole))])
        assert latest_checkpoint(work_dir) == str(work_dir / 'iter_2.pth')

    def test_none_in_a_new_folder(self, tmp_path):
        assert latest_checkpoint(tmp_path) is None
        assert latest_checkpoint(tmp_path / 'absent') is None

    def test_a_moved_folder_goes_on(self, work_dir):
        moved = work_dir.rename(work_dir.with_name(f'{work_dir.name}_moved'))
        assert latest_checkpoint(moved) == str(moved / 'iter_4.pth')
        (moved / 'iter_4.pth').unlink()
        assert latest_checkpoint(moved) == str(moved / 'iter_6.pth')

    def test_a_moved_folder_and_another_training_in_its_old_place(self, work_dir):
        moved = shutil.copytree(work_dir, work_dir.with_name(f'{work_dir.name}_moved'))
        as_the_runner_writes(work_dir / 'iter_4.pth', weight=5.0)
        assert latest_checkpoint(moved) == str(moved / 'iter_4.pth')

    def test_checkpoints_in_a_folder_of_their_own(self, work_dir, tmp_path_factory):
        """As ``out_dir`` of mmengine's hook has them: the work folder holds the note alone."""
        out_dir = tmp_path_factory.mktemp('out_dir')
        for path in work_dir.glob('*.pth'):
            shutil.move(path, out_dir / path.name)
        (work_dir / 'last_checkpoint').write_text(str(out_dir / 'iter_4.pth'))
        assert latest_checkpoint(work_dir) == str(out_dir / 'iter_4.pth')
        (out_dir / 'iter_4.pth').write_bytes(b'')
        assert latest_checkpoint(work_dir) == str(out_dir / 'iter_6.pth')

    def test_no_prefix_of_a_checkpoint_passes_for_whole(self, work_dir, tmp_path):
        whole = (work_dir / 'iter_2.pth').read_bytes()
        for length in range(0, len(whole), 97):
            (tmp_path / 'part').write_bytes(whole[:length])
            assert not zipfile.is_zipfile(tmp_path / 'part'), f'{length} of {len(whole)} bytes'
        shutil.copy(work_dir / 'iter_2.pth', tmp_path / 'part')
        assert zipfile.is_zipfile(tmp_path / 'part')
