"""Sphinx extension: one page per README.md of the folders of ``configs/``, read from there when the docs are built.

The page ``methods/lse`` shows ``configs/lse/README.md``. Sphinx needs a source file for every page, so an empty stub is
written for each README; its text is replaced when it is read. Relative links and images of the README continue to work:
links to another README or to a page of the docs become links between pages, links to other files become downloads. In
the other pages, links to ``../configs/lse/README.md``, which work on a code host, lead to ``methods/lse``, or to
``methods/index`` if there is no such README.
"""

import os
import re
from pathlib import Path
from typing import Any

FOLDER = 'methods'
STUB = '% Written by docs/_ext/method_pages.py: the page is the README.md of the config folder.\n'
# Inline links and images, `[text](target)`; targets of HTML images; definitions, `[label]: target`.
LINK = re.compile(
    r'(?P<before>\]\(<?|<img\b[^>]*?\bsrc="|^\[[^\]\n]+\]:[ \t]*<?)'
    r'(?P<target>[^)\s">]+)'
    r'(?P<after>[^)\n]*\)|"|>?[ \t]*$)',
    re.MULTILINE,
)
CODE = re.compile(r'^(```|~~~).*?^\1[ \t]*$|`[^`\n]+`', re.MULTILINE | re.DOTALL)


def find_readmes(root: Path) -> dict[str, Path]:
    """Return the README.md of each folder in ``root`` that has one, by the name of the folder."""
    return {path.parent.name: path for path in sorted(root.glob('*/README.md'))}


def rewrite_links(text: str, folder: Path, page: Path, root: Path, source: Path) -> str:
    """Make the relative links of a file in ``folder`` relative to the folder ``page``, where its page is.

    Code is left as it is, and so are links within the page and to URLs. Sphinx reports missing files.

    Args:
        text: Markdown.
        folder: Folder that the links are relative to.
        page: Folder that they are to be relative to.
        root: Folder of the method folders, ``configs/``.
        source: Folder of the docs.
    """
    pages = {path.resolve(): source / FOLDER / f'{name}.md' for name, path in find_readmes(root).items()}

    def rewrite(match: re.Match[str]) -> str:
        target, hash_, anchor = match['target'].partition('#')
        if not target or re.match(r'[a-z][a-z0-9+.-]*:|/', target, re.IGNORECASE):
            return match[0]
        file = (folder / target).resolve()
        if (file / 'README.md').is_file():
            file /= 'README.md'
        if file in pages:
            file = pages[file]
        elif file.name == 'README.md' and file.parents[1] == root.resolve():
            file, hash_, anchor = source / FOLDER / 'index.md', '', ''
        new = os.path.relpath(file, page).replace(os.sep, '/')
        return f'{match["before"]}{new}{hash_}{anchor}{match["after"]}'

    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(rewrite, text[end : code.start()]), code[0]]
        end = code.end()
    return ''.join([*parts, LINK.sub(rewrite, text[end:])])


def write_stubs(app: Any) -> None:
    """Write a stub for each README, remove those of READMEs that are gone, and list all in ``methods/index``."""
    source = Path(app.srcdir)
    folder = source / FOLDER
    folder.mkdir(exist_ok=True)
    readmes = find_readmes(source / app.config.method_pages_root)
    for path in folder.glob('*.md'):
        if path.stem not in readmes and path.read_text() == STUB:
            path.unlink()
    for name in readmes:
        path = folder / f'{name}.md'
        if not path.exists() or path.read_text() != STUB:
            path.write_text(STUB)


def read_page(app: Any, docname: str, content: list[str]) -> None:
    """Replace a stub by its README, and rewrite the links of every Markdown page."""
    path = Path(app.env.doc2path(docname))
    source = Path(app.srcdir)
    root = source / app.config.method_pages_root
    folder = path.parent
    if content[0] == STUB:
        readme = find_readmes(root)[path.stem]
        app.env.note_dependency(str(readme.resolve()))
        content[0], folder = readme.read_text(encoding='utf-8'), readme.parent
    if docname == f'{FOLDER}/index' and not find_readmes(root):
        content[0] = re.sub(r'^```\{toctree\}.*?^```$', '', content[0], flags=re.MULTILINE | re.DOTALL)
    if path.suffix == '.md':
        content[0] = rewrite_links(content[0], folder, path.parent, root, source)


def setup(app: Any) -> dict[str, bool]:
    """Connect the extension."""
    app.add_config_value('method_pages_root', '../configs', 'env')
    app.connect('builder-inited', write_stubs)
    app.connect('source-read', read_page)
    return dict(parallel_read_safe=True, parallel_write_safe=True)
