"""Links, configs and commands of the pages in docs/, and the tutorial."""

import json
import re
import subprocess
import sys

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsl.registry import MODELS

LINK = re.compile(r'\]\(<?([^)>\s]+)')
FENCE = re.compile(r'^(```|~~~).*?^\1[ \t]*$', re.MULTILINE | re.DOTALL)


def slug(heading):
    """Return the anchor of a heading, as code hosts and MyST make it."""
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def anchors(path):
    """Return the anchors of a Markdown file."""
    return {slug(heading) for heading in re.findall(r'^#+ (.*)$', FENCE.sub('', path.read_text()), re.MULTILINE)}


def markdown(path):
    """Return the Markdown of a page or notebook."""
    if path.suffix != '.ipynb':
        return path.read_text()
    cells = json.loads(path.read_text())['cells']
    return '\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown')


def pages(repository):
    """Return the pages of the docs, the README files and the other texts of the project."""
    docs = repository / 'docs'
    found = [*docs.glob('*.md'), *docs.glob('*.ipynb'), docs / 'methods' / 'index.md', *(docs / 'api').glob('*.md')]
    return found + [*repository.glob('*.md'), *(repository / 'configs').glob('*/README.md')]


def broken_links(page, repository):
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for link in LINK.findall(re.sub(r'`[^`\n]+`', '', FENCE.sub('', markdown(page)))):
        target, _, anchor = link.partition('#')
        if re.match(r'[a-z]+:', target):
            continue
        file = page.parent / target if target else page
        if not file.exists() or (anchor and file.suffix == '.md' and anchor not in anchors(file)):
            broken.append(link)
    return broken


def test_every_relative_link_and_image_resolves(repository):
    found = pages(repository)
    assert len(found) > 20
    assert not {str(page.relative_to(repository)): links for page in found if (links := broken_links(page, repository))}


def test_a_broken_link_is_found(tmp_path, repository):
    page = tmp_path / 'page.md'
    page.write_text('# A title: `x`\n[a](#a-title-x) [b](gone.md) [c](page.md#nowhere) [d](https://e.org) `[f](g.md)`')
    assert broken_links(page, repository) == ['gone.md', 'page.md#nowhere']


def test_every_config_that_a_page_names_exists(repository):
    named = set()
    for page in pages(repository):
        named |= set(re.findall(r'configs/(?:\w+/)*\w+\.py', page.read_text()))
    assert len(named) >= 10
    assert not {name for name in named if 'METHOD' not in name and not (repository / name).exists()}


CONFIGS = [('own_images.md', 0), ('own_images.md', 1), ('get_started.md', 0), ('aggregators.md', 0)]
CONFIGS += [('distributed.md', 0), ('priors.md', 0), ('crf.md', 0), ('evaluation.md', 0)]


@pytest.mark.parametrize('page, index', CONFIGS)
def test_the_configs_of_the_pages_build(page, index, repository, tmp_path):
    blocks = re.findall(r'```python\n(.*?)```', (repository / 'docs' / page).read_text(), re.DOTALL)

    def write(number):
        """Write a config with the paths of its bases, `mine.py` being the first config of the page."""

        def base(match):
            name = match[1]
            found = tmp_path / 'mine.py' if name == 'mine.py' else next((repository / 'configs').rglob(name))
            return repr(str(found))

        path = tmp_path / ('mine.py' if number == 0 else f'{number}.py')
        path.write_text(re.sub(r"'(?:configs/)?(?:\w+/)?(\w+\.py)'", base, blocks[number]))
        return path

    paths = [write(number) for number in range(index + 1)]
    cfg = Config.fromfile(paths[index])
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    types = set(re.findall(r"type='mmwsl\.(\w+)'", blocks[index]))
    text = cfg.dump()
    assert all(f'mmwsl.{name}' in text for name in types)
    assert model.decode_head.num_classes == cfg.model.decode_head.num_classes


def test_every_page_is_tested(repository):
    """A Python block of a page is run by some test."""
    with_code = {page.name for page in (repository / 'docs').glob('*.md') if '```python' in page.read_text()}
    assert with_code == {page for page, _ in CONFIGS} | {
        'extend.md',
        'inference_pipeline.md',
        'inferencer.md',
        'thresholds.md',
    }
    for page in {page for page, _ in CONFIGS}:
        blocks = (repository / 'docs' / page).read_text().count('```python')
        assert {index for name, index in CONFIGS if name == page} == set(range(blocks)), page


def test_the_tutorial_runs(repository, tmp_path):
    """Run the cells as one program, with fewer images: the build of the docs runs them as they are."""
    cells = json.loads((repository / 'docs' / 'tutorial.ipynb').read_text())['cells']
    assert not any(cell.get('outputs') for cell in cells), 'clear the outputs: the build of the docs makes them'
    code = '\n\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code')
    short = code.replace('train(cfg)\n', 'cfg.train_dataloader.dataset.length = 1000\ntrain(cfg)\n')
    assert short != code
    script = tmp_path / 'tutorial.py'
    script.write_text(f"{short}.save('masks.png')\n")
    run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    scores = dict(re.findall(r'^(wsl_\w+) +mIoU ([\d.]+)', run.stdout, re.MULTILINE))
    assert float(scores['wsl_lse_shapes']) > 30 and float(scores['wsl_lse_shapes_ilp']) > 30
    assert (tmp_path / 'masks.png').stat().st_size > 10_000
