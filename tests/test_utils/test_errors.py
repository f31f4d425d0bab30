"""Errors of users and bugs."""

import json
import logging
import sys
from multiprocessing import Pool, get_context
from urllib.error import URLError

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS
from torch.utils.data import DataLoader, Dataset

from mmwsl.engine.hooks import NonFiniteError
from mmwsl.functional import constant_background
from mmwsl.models.aggregators import LSEPooling
from mmwsl.registry import MODELS
from mmwsl.utils.errors import FAILURE, INPUT, exit_code, library_message, name_file, user_message

from .test_files import small_files


def caught(function, *arguments):
    with pytest.raises(Exception) as error:  # noqa: PT011
        function(*arguments)
    return error.value


def test_what_mmwsl_raises_is_an_error_of_the_user():
    error = caught(LSEPooling, -1.0)
    assert user_message(error) == str(error) and exit_code(error) == INPUT


def test_what_a_library_raises_for_mmwsl_is_a_bug():
    assert user_message(caught(constant_background, 'text', 0.5)) is None


def test_what_python_raises_in_mmwsl_is_a_bug(tmp_path, monkeypatch):
    """A ``KeyError`` of a dictionary has no message for a user, wherever it is raised."""
    (tmp_path / 'broken.py').write_text(
        'def find():\n    return {}["key"]\n\ndef reject():\n    raise KeyError("no key")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    import broken

    monkeypatch.setattr('mmwsl.utils.errors.PACKAGE', tmp_path)
    assert user_message(caught(broken.find)) is None
    assert user_message(caught(broken.reject)) == 'no key'
    sys.modules.pop('broken')


def test_files_are_matters_of_the_user(tmp_path):
    error = caught(open, tmp_path / 'none')
    assert str(tmp_path / 'none') in user_message(error) and exit_code(error) == INPUT
    assert exit_code(NonFiniteError('the loss must be finite')) == FAILURE  # no input was wrong
    full = OSError(28, 'No space left on device', 'file')
    assert 'No space left' in user_message(full) and exit_code(full) == FAILURE


def test_a_name_that_mmwsl_lacks_is_a_bug_and_a_missing_package_is_not():
    def own():
        from mmwsl.functional import nothing  # noqa: F401

    def package():
        import no_such_package  # noqa: F401

    assert user_message(caught(own)) is None
    assert 'no_such_package' in user_message(caught(package))


def test_names_and_permissions_have_advice(tmp_path):
    error = caught(open, tmp_path / ('a' * 300))
    assert user_message(error).startswith(f"File name too long: '{tmp_path}/aaa") and exit_code(error) == INPUT
    assert user_message(error).endswith('shorten it.')
    denied = PermissionError(13, 'Permission denied', 'a/b.png')
    assert user_message(denied).startswith("Permission denied: 'a/b.png'. Change the permissions")


def test_configs_are_matters_of_the_user(tmp_path):
    assert 'mmwsl.LSEPoling is not in the' in user_message(caught(MODELS.build, dict(type='mmwsl.LSEPoling')))
    # mmengine raises the error of a class again, with a longer message.
    error = caught(MODELS.build, dict(type='mmwsl.LSEPooling', r=-1.0))
    assert user_message(error).startswith('LSEPooling: `r` must be')
    error = caught(OPTIMIZERS.build, dict(type='SGD', params=[torch.zeros(1, requires_grad=True)], lr=-1.0))
    assert 'Invalid learning rate' in user_message(error)
    assert "'rr'" in user_message(caught(MODELS.build, dict(type='mmwsl.LSEPooling', rr=1.0)))
    (tmp_path / 'config.txt').write_text('x')
    assert user_message(caught(Config.fromfile, tmp_path / 'config.txt'))


def test_what_a_library_rejects_points_to_its_traceback(tmp_path, monkeypatch):
    """A ``raise`` or ``assert`` of mmengine is meant for the user, an error of Python in it is a bug."""
    folder = tmp_path / 'mmengine'
    folder.mkdir()
    (folder / 'picky.py').write_text(
        'def reject(): \n    raise RuntimeError("not this")\n\ndef insist():\n    assert False, "not that"\n\n'
        'def divide():\n    return 1 / 0\n'
    )
    monkeypatch.syspath_prepend(folder)
    import picky

    assert user_message(caught(picky.reject)) == 'not this (--debug shows where)'
    assert user_message(caught(picky.insist)) == 'not that (--debug shows where)'
    assert user_message(caught(picky.divide)) is None
    sys.modules.pop('picky')


def test_a_class_that_a_config_builds_is_named():
    head = dict(type='mmwsl.LSEAggregationHead', in_channels=4, num_classes=3, dropout=0.3)
    message = user_message(caught(MODELS.build, head))
    assert message.startswith('`LSEAggregationHead` cannot be built from the config: ') and "'dropout'" in message


def test_exit_codes_tell_the_input_from_the_machine():
    for error in (OSError('cannot identify image file'), OSError(40, 'Too many links', 'a'), PermissionError(13, 'a')):
        assert exit_code(error) == INPUT
    for error in (OSError(5, 'Input/output error'), URLError('no route'), TimeoutError(), RuntimeError('diverged')):
        assert exit_code(error) == FAILURE


def test_errors_of_torch_that_the_sizes_cause_have_advice():
    message = user_message(caught(torch.stack, [torch.zeros(2), torch.zeros(3)]))
    assert message.startswith('stack expects each tensor to be equal size') and '`data_preprocessor.size`' in message
    assert user_message(caught(torch.cat, [torch.zeros(2, 2), torch.zeros(3, 3)])) is None


class Broken(Dataset):
    """Raises an error in the process that loads it."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        if self.error == 'ours':
            return LSEPooling(-1.0)
        if self.error == 'chained':
            try:
                return {}[index]
            except KeyError:
                return LSEPooling(-1.0)
        return open('/none') if self.error == 'file' else {}[self.error]


@pytest.mark.parametrize(
    'error, message',
    [('ours', '`r` must be'), ('chained', '`r` must be'), ('file', "No such file or directory: '/none'"), ('x', None)],
)
def test_errors_of_processes_that_load_data_are_told_by_where_they_were_raised(error, message):
    raised = caught(next, iter(DataLoader(Broken(error), num_workers=1)))
    assert 'Traceback' in str(raised)
    found = user_message(raised)
    assert found is None if message is None else message in found and '\n' not in found
    with Pool(1) as pool:
        found = user_message(caught(pool.map, Broken(error).__getitem__, [0]))
    assert found is None if message is None else message in found and '\n' not in found


def test_errors_of_json_keep_their_place():
    assert user_message(caught(json.loads, '{')) is None  # without a file it helps nobody


def test_a_full_disk_is_a_failure_that_names_the_open_file(tmp_path):
    def write(path):
        with open(path, 'w') as file:
            file.write('x' * 100)  # found when the file is closed

    with small_files(10):
        error = caught(write, tmp_path / 'last_checkpoint')
    assert error.filename is None
    assert user_message(error) == f"[Errno 27] File too large: '{tmp_path}/last_checkpoint'"
    assert exit_code(error) == FAILURE


def test_a_file_that_is_named_already_keeps_its_name(tmp_path):
    def read():
        with open(__file__):
            open(tmp_path / 'missing')

    assert user_message(caught(read)).endswith(f"'{tmp_path}/missing'")
    assert user_message(caught(lambda: (_ for _ in ()).throw(OSError('a text')))) == 'a text'


@pytest.mark.skipif(sys.platform != 'linux', reason='semaphores are no files elsewhere')
def test_a_semaphore_without_room_names_the_shared_memory(tmp_path):
    with small_files(10):
        error = caught(get_context('fork').Lock)
    name_file(error, tmp_path / 'run.log')
    assert user_message(error).endswith("'/dev/shm'")


def test_a_full_disk_of_a_log_names_it(tmp_path):
    def write(handler):
        raise OSError(28, 'No space left on device')

    handler = logging.FileHandler(tmp_path / 'run.log')
    error = caught(write, handler)
    name_file(error)
    handler.close()
    assert str(tmp_path / 'run.log') in user_message(error)


class Flip:
    """A transform that needs an image."""

    def transform(self, results):
        return results['img']


def test_an_error_of_a_library_that_runs_a_config_is_one_line():
    message = library_message(caught(torch.cat, [torch.zeros(2, 2), torch.zeros(3, 3)]))
    assert message.startswith('RuntimeError: ') and 'A setting may not fit' in message and '\n' not in message
    message = library_message(caught(Flip().transform, {}))
    assert message.startswith("the transform 'Flip' needs 'img', which no transform before it gives")
    assert library_message(caught(LSEPooling, -1.0)) is None  # it has a message of its own
