import logging
import sys
import warnings

import pytest

from mmwsl.utils.console import output_to_file


def test_prints_logs_and_warnings_go_to_the_file(tmp_path, capsys):
    path = tmp_path / 'sub' / 'run.log'
    with output_to_file(path) as terminal:
        print('printed')
        logging.getLogger('noise').addHandler(handler := logging.StreamHandler())
        logging.getLogger('noise').error('logged')
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            sys.stderr.write('warned\n')
        print('to the user', file=terminal)
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ['printed', 'logged', 'warned']
    print('after')
    out, err = capsys.readouterr()
    assert out == 'to the user\nafter\n' and err == ''
    # A logger that was made within the block outlives it: it writes to the terminal, or to the next file.
    logging.getLogger('noise').error('later')
    assert capsys.readouterr().err == 'later\n' and 'later' not in path.read_text()
    with output_to_file(tmp_path / 'second.log'):
        logging.getLogger('noise').error('again')
    assert (tmp_path / 'second.log').read_text() == 'again\n' and capsys.readouterr() == ('', '')
    logging.getLogger('noise').removeHandler(handler)


def test_a_second_run_appends_and_errors_pass(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match='inside'), output_to_file(tmp_path / 'run.log'):
            print('line')
            raise ValueError('inside')
    assert (tmp_path / 'run.log').read_text() == 'line\nline\n'
    assert not isinstance(sys.stdout, type(None))
