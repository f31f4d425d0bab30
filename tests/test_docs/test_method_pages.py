"""The pages of the methods: README files of config folders, built by Sphinx with warnings as errors."""

import re
import subprocess
import sys

import pytest
from PIL import Image

README = """# Pooling & more

See [LSE](../lse/README.md#results), [the folder](../lse), [the config](wsl_gap.py), [a page](../../docs/guide.md),
[the web](https://example.org/README.md) and [below](#results). Code keeps its text: `[a](wsl_gap.py)`.

```
[not a link](wsl_gap.py)
```

![A figure](pooling.png) <img src="pooling.png" alt="again">

## Results

| config | mIoU |
|---|---|
| [wsl_gap][gap] | 43.7 |

[gap]: wsl_gap.py
"""


@pytest.fixture
def project(tmp_path, repository):
    """Two method folders with a README, one without, and docs that use the extension of docs/."""
    configs, docs = tmp_path / 'configs', tmp_path / 'docs'
    for name in ('lse', 'pooling', 'unfinished'):
        (configs / name).mkdir(parents=True)
    (configs / 'pooling' / 'README.md').write_text(README)
    (configs / 'pooling' / 'wsl_gap.py').write_text('model = dict()')
    Image.new('RGB', (8, 8)).save(configs / 'pooling' / 'pooling.png')
    (configs / 'lse' / 'README.md').write_text('# LSE\n\n[pooling](../pooling/README.md)\n\n## Results\n')
    (docs / 'methods').mkdir(parents=True)
    (docs / 'conf.py').write_text(
        f'import sys; sys.path.insert(0, {str(repository / "docs" / "_ext")!r})\n'
        "extensions = ['myst_parser', 'method_pages']; myst_heading_anchors = 3; nitpicky = True\n"
    )
    (docs / 'index.md').write_text('# Docs\n\n```{toctree}\nguide\nmethods/index\n```\n')
    (docs / 'guide.md').write_text(
        '# Guide\n\n[pooling](../configs/pooling/README.md#results), [later](../configs/unfinished/README.md)\n'
    )
    (docs / 'methods' / 'index.md').write_text((repository / 'docs' / 'methods' / 'index.md').read_text())
    return tmp_path


def build(project):
    """Build the docs, with warnings as errors, and return the run."""
    pytest.importorskip('myst_parser', reason='the extra `docs` is not installed; `make docs` builds the pages')
    command = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-b', 'html', 'docs', 'html']
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def page(project, name):
    """Return the HTML of a method."""
    return (project / 'html' / 'methods' / f'{name}.html').read_text()


def test_links_and_images_of_a_readme_resolve(project):
    run = build(project)
    assert run.returncode == 0, run.stderr
    html = page(project, 'pooling')
    assert 'href="lse.html#results"' in html and 'href="lse.html"' in html and 'href="../guide.html"' in html
    assert html.count('_downloads/') == 2 and list((project / 'html' / '_downloads').rglob('wsl_gap.py'))
    assert 'src="../_images/pooling.png"' in html and 'href="#results"' in html
    assert 'href="https://example.org/README.md"' in html and '[a](wsl_gap.py)' in html
    assert '[not a link](wsl_gap.py)' in re.sub('<.*?>', '', html)
    assert 'pooling.html' in page(project, 'lse') and 'pooling.html' in page(project, 'index')
    guide = (project / 'html' / 'guide.html').read_text()
    assert 'href="methods/pooling.html#results"' in guide and 'href="methods/index.html"' in guide
    assert not (project / 'html' / 'methods' / 'unfinished.html').exists()


def test_a_changed_or_removed_readme_changes_the_pages(project):
    assert build(project).returncode == 0
    (project / 'configs' / 'lse' / 'README.md').write_text('# LSE, again\n\n## Results\n')
    assert build(project).returncode == 0
    assert 'LSE, again' in page(project, 'lse')
    (project / 'configs' / 'pooling' / 'README.md').unlink()
    (project / 'docs' / 'guide.md').write_text('# Guide\n')
    assert build(project).returncode == 0
    assert not (project / 'docs' / 'methods' / 'pooling.md').exists()
    assert 'pooling.html' not in page(project, 'index')


def test_a_broken_link_or_image_is_an_error(project):
    readme = project / 'configs' / 'lse' / 'README.md'
    for text in ('[gone](../lse/gone.md)', '![gone](gone.png)'):
        readme.write_text(f'# LSE\n\n{text}\n\n## Results\n')
        run = build(project)
        assert run.returncode == 1 and 'gone' in run.stderr, text


def test_pages_exist_without_any_readme(project):
    for name in ('lse', 'pooling'):
        (project / 'configs' / name / 'README.md').unlink()
    (project / 'docs' / 'guide.md').write_text('# Guide\n')
    run = build(project)
    assert run.returncode == 0, run.stderr
