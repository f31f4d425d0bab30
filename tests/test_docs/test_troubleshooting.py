"""The messages that docs/troubleshooting.md quotes, compared with the errors that the code raises."""

import ast
import re

import pytest

# `x` must be ..., got ...: the message itself says the rule, and the page says that it does not list them.
ARGUMENT = re.compile(r'\bmust (not )?\w+.*\bgot\b')
# Re-raised with the name of the image or file, or text of another error.
WRAPPED = re.compile(r'^[…: \w]*…: …$|^getattr')


def text(node):
    """Return the text of a string expression, with `…` for its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(value.value if isinstance(value, ast.Constant) else '…' for value in node.values)
    return '…'


@pytest.fixture(scope='module')
def messages(repository):
    """The message of every error that the package raises, by place, without backticks."""
    found = {}
    for file in sorted((repository / 'mmwsl').rglob('*.py')):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                where = f'{file.relative_to(repository / "mmwsl")}:{node.lineno}'
                found[where] = text(node.exc.args[0]).replace('`', '')
    assert len(found) > 300
    return found


@pytest.fixture(scope='module')
def patterns(repository):
    """A pattern for the message of each row; quotation marks mark messages of other packages."""
    page = (repository / 'docs' / 'troubleshooting.md').read_text()
    cells = re.findall(r'^\| (`.*?`) \| ', page, re.MULTILINE)
    assert len(cells) > 90
    rows = {cell: cell.replace('`', '').strip().replace(' … ', '…') for cell in cells}
    return {cell: re.compile('.*'.join(map(re.escape, re.split('…', row))), re.DOTALL) for cell, row in rows.items()}


def test_every_quoted_message_is_raised(messages, patterns):
    missing = [cell for cell, pattern in patterns.items() if not any(map(pattern.search, messages.values()))]
    assert not missing, f'no error has this text: correct docs/troubleshooting.md: {missing}'


@pytest.mark.parametrize('folder', ['annotations', 'datasets', 'inference', 'models', 'registry', 'utils'])
def test_every_error_of_data_and_prediction_is_listed(messages, patterns, folder):
    own = {where: message for where, message in messages.items() if where.startswith(folder)}
    assert own
    missing = {
        where: message
        for where, message in own.items()
        if not ARGUMENT.search(message)
        and not WRAPPED.search(message)
        and not any(pattern.search(message) for pattern in patterns.values())
    }
    assert not missing, f'add these errors to docs/troubleshooting.md: {missing}'
