"""Each script runs in its own process: a redirection of the descriptors of the test process would hide too much."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time

import pytest

from mmwsl.utils.console import log_warning, quiet

ALL_WAYS_TO_PRINT = """
import ctypes, logging, multiprocessing, os, subprocess, sys, warnings
from mmwsl.utils.console import log_warning, quiet

def say(word):
    os.write(2, f'{word} of a forked process\\n'.encode())
    print(word, 'printed by a forked process')

early = logging.StreamHandler(sys.stdout)
logging.getLogger('early').addHandler(early)
print('before')
with quiet('logs/all.log') as console:
    console.print('stage 1')
    print('printed')
    print('printed as an error', file=sys.stderr)
    os.write(1, b'written to descriptor 1\\n')
    os.write(2, b'written to descriptor 2\\n')
    late = logging.StreamHandler(sys.stdout)
    logging.getLogger('late').addHandler(late)
    logging.getLogger('early').warning('logged by an early handler')
    logging.getLogger('late').warning('logged by a late handler')
    warnings.warn('a warning')
    subprocess.run(['sh', '-c', 'echo out of a shell; echo error of a shell >&2'], check=True)
    with multiprocessing.get_context('fork').Pool(2) as pool:
        pool.map(say, ['one', 'two'])
        pool.close()
        pool.join()
    # At the end of the block, into buffers that nothing has flushed since.
    print('printed last')
    ctypes.CDLL(None).puts(b'printed by C code')
    console.print('stage 2')
logging.getLogger('late').warning('late handler, afterwards')
print('after')
os.write(2, b'error afterwards\\n')
"""
LOGGED = [
    'printed',
    'printed as an error',
    'written to descriptor 1',
    'written to descriptor 2',
    'printed last',
    'printed by C code',
    'logged by an early handler',
    'logged by a late handler',
    'out of a shell',
    'error of a shell',
    'one of a forked process',
    'two of a forked process',
    'one printed by a forked process',
    'two printed by a forked process',
]


def run(code, folder, **environment):
    """Run code in a fresh interpreter with its output in pipes."""
    return subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONUNBUFFERED='', **environment),
        capture_output=True,
        text=True,
    )


def run_on_terminal(code, folder, columns=60):
    """Run code in a fresh interpreter on a pseudo-terminal, and return what it wrote to the terminal."""
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(code)],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written, deadline = b'', time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # the process has ended
                break
            if not chunk:
                break
            written += chunk
    os.close(leader)
    assert process.wait(5) == 0
    return written.decode()


def test_only_the_console_reaches_the_terminal(tmp_path):
    result = run(ALL_WAYS_TO_PRINT, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ['before', 'stage 1', 'stage 2', 'late handler, afterwards', 'after']
    assert result.stderr.splitlines() == ['error afterwards']
    log = (tmp_path / 'logs/all.log').read_text()
    assert sorted(set(LOGGED) - set(log.splitlines())) == []
    assert 'UserWarning: a warning' in log
    assert not {'before', 'after', 'stage 1'} & set(log.splitlines())


@pytest.mark.parametrize('error, printed', [('ValueError("wrong")', True), ('KeyboardInterrupt', False)])
def test_errors_restore_the_output_and_name_the_log(tmp_path, error, printed):
    result = run(
        f"""
        import sys
        from mmwsl.utils.console import quiet
        def fail():
            raise {error}
        try:
            with quiet('outer.log'):
                with quiet('inner.log') as console, console.progress(4, 'train') as bar:
                    bar.advance()
                    fail()
        except BaseException as error:
            print('caught', type(error).__name__)
            print('error output', file=sys.stderr)
        """,
        tmp_path,
    )
    stage, *path, caught = result.stdout.splitlines()
    assert re.fullmatch(r'train: 1 of 4 in \d+ s', stage)
    assert path == ['Log: inner.log'] * printed
    assert caught.startswith('caught ') and result.stderr == 'error output\n'
    assert ('in fail\n' in (tmp_path / 'inner.log').read_text()) is printed


def test_nested_blocks_have_their_own_logs_and_one_terminal(tmp_path):
    result = run(
        """
        from mmwsl.utils.console import quiet
        with quiet('a.log') as outer:
            print('a1')
            with quiet('b.log') as inner:
                print('b')
                inner.print('inner')
            print('a2')
            outer.print('outer')
        with quiet('a.log') as again:
            print('a3')
            again.print('again')
        print('end')
        """,
        tmp_path,
    )
    assert result.stdout.splitlines() == ['inner', 'outer', 'again', 'end'], result.stderr
    assert (tmp_path / 'a.log').read_text() == 'a1\na2\na3\n'
    assert (tmp_path / 'b.log').read_text() == 'b\n'


def test_dataloader_workers_print_to_the_log(tmp_path):
    result = run(
        """
        from torch.utils.data import DataLoader, Dataset
        from mmwsl.utils.console import quiet
        class Loud(Dataset):
            def __len__(self):
                return 4
            def __getitem__(self, index):
                print('item', index, flush=True)
                return index
        with quiet('a.log') as console:
            loader = DataLoader(Loud(), num_workers=2, multiprocessing_context='fork', persistent_workers=True)
            assert sorted(int(batch) for batch in loader) == [0, 1, 2, 3]
        # Workers that outlive the block keep the log file open.
        assert sorted(int(batch) for batch in loader) == [0, 1, 2, 3]
        """,
        tmp_path,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')
    assert sorted((tmp_path / 'a.log').read_text().split('\n')) == ['', *(f'item {i // 2}' for i in range(8))]


def test_a_stage_is_one_line_without_a_terminal(tmp_path):
    code = """
        from mmwsl.utils.console import quiet
        with quiet('a.log') as console, console.progress(500, 'train') as bar:
            for _ in range(500):
                bar.advance(note='loss 0.25')
        """
    lines = run(code, tmp_path).stdout.splitlines()
    assert len(lines) == 1 and re.fullmatch(r'train: 500 of 500 in \d+ s, loss 0\.25', lines[0])


def test_the_bar_is_redrawn_in_the_last_line_of_a_terminal(tmp_path):
    written = run_on_terminal(
        """
        import time
        from mmwsl.utils.console import quiet
        with quiet('a.log') as console, console.progress(4, 'stage ' + 'x' * 30) as bar:
            for step in range(4):
                print('noise')
                time.sleep(0.15)
                bar.advance()
                if step == 1:
                    console.print('a line')
        print('end')
        """,
        tmp_path,
    )
    assert 'noise' not in written
    lines = [re.split(r'\r\x1b\[K', line) for line in written.replace('\r\n', '\n').rstrip().split('\n')]
    # The last part of a line remains on the screen: the line, and what is printed after a stage without a note.
    assert [line[-1][:12] for line in lines] == ['a line', 'end']
    bars = [part for line in lines for part in line[:-1] if part]
    assert len(bars) >= 5 and all(len(part) <= 59 for part in bars)
    assert ' [          ' in bars[0] and '[####' in bars[-1]


def test_streams_without_a_descriptor_are_replaced_and_restored(tmp_path, monkeypatch):
    """As in a notebook: the objects `sys.stdout` and `sys.stderr` have no file descriptor."""
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, 'stdout', out)
    monkeypatch.setattr(sys, 'stderr', err)
    with quiet(tmp_path / 'a.log') as console:
        print('hidden')
        print('hidden error', file=sys.stderr)
        console.print('shown')
        kept = sys.stdout
    assert sys.stdout is out and sys.stderr is err
    kept.write('kept by a handler')
    assert (out.getvalue(), err.getvalue()) == ('shown\nkept by a handler', '')
    assert (tmp_path / 'a.log').read_text() == 'hidden\nhidden error\n'


def test_a_log_that_cannot_be_written_changes_nothing(tmp_path):
    code = """
        from mmwsl.utils.console import quiet
        try:
            with quiet('.'):
                pass
        except IsADirectoryError:
            print('restored')
        """
    assert run(code, tmp_path).stdout == 'restored\n'


def test_no_descriptor_leaks(tmp_path):
    code = """
        import os
        from mmwsl.utils.console import quiet
        before = os.listdir('/proc/self/fd')
        for _ in range(3):
            with quiet('a.log'), quiet('b.log'):
                pass
        print(os.listdir('/proc/self/fd') == before)
        """
    assert run(code, tmp_path).stdout == 'True\n'


def test_names_in_any_alphabet_do_not_stop_a_run(tmp_path):
    code = """
        from mmwsl.utils.console import quiet
        with quiet('a.log') as console:
            console.print('кошка')
            print('кошка')
        """
    result = run(code, tmp_path, PYTHONIOENCODING='ascii:backslashreplace', PYTHONUTF8='0')
    assert (result.returncode, result.stdout) == (0, 'кошка'.encode('ascii', 'backslashreplace').decode() + '\n')


def test_a_full_terminal_is_not_the_log(tmp_path):
    code = "from mmwsl.utils.console import quiet\nwith quiet('run.log') as console: console.print('a line')"
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [sys.executable, '-c', code], cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr.endswith("No space left on device: 'standard output'\n"), done.stderr


def test_an_interruption_ends_the_processes_of_a_stage(tmp_path):
    code = """
        import multiprocessing, os, signal, time
        from mmwsl.apis.pseudo_labels.masks import for_each
        from mmwsl.utils.console import quiet

        def interrupt(task):
            if task == 0:
                os.kill(os.getppid(), signal.SIGINT)
            time.sleep(60)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with quiet('run.log'):
                for_each(interrupt, range(9), 2)
        except KeyboardInterrupt:
            print('left', multiprocessing.active_children())
    """
    start = time.monotonic()
    done = run(code, tmp_path)
    assert 'left []\n' in done.stdout, done.stdout
    assert 'Pool' not in done.stderr and time.monotonic() - start < 50, done.stderr


def test_a_warning_reaches_the_terminal_once(tmp_path, capfd):
    with quiet(tmp_path / 'run.log'):
        for _ in range(2):
            log_warning('the masks are old')
    printed = capfd.readouterr().out
    assert printed.count('warning: the masks are old') == 1  # the log has it too, by the handler of its logger


def test_a_warning_that_was_printed_before_is_not_repeated(tmp_path, capfd):
    with quiet(tmp_path / 'a.log') as console:
        console.print_first(
            ['  warning: first', '  info: second', '  warning: third', '  warning: fourth'], 2, 'the report'
        )
        for text in ('first', 'third', 'third'):
            log_warning(text)
    shown = [line.strip() for line in capfd.readouterr().out.splitlines()]
    assert shown == ['warning: first', 'info: second', '2 more in the report', 'warning: third']
    log = (tmp_path / 'a.log').read_text()
    assert all(f'warning: {text}' in log for text in ('first', 'third', 'fourth'))
