"""Configuration of Sphinx; ``make docs`` builds ``docs/_build/html`` with warnings as errors."""

import logging
import sys
from pathlib import Path

from mmcv.transforms.utils import cache_randomness

import mmwsl

sys.path.insert(0, str(Path(__file__).parent / '_ext'))
# Notebooks and autodoc import the OpenMMLab packages, which log to the terminal.
logging.getLogger('mmengine').setLevel(logging.ERROR)

project = 'mmwsl'
copyright = 'the mmwsl authors, Apache-2.0'  # noqa: A001  the name that Sphinx reads
author = 'the mmwsl authors'
version = release = mmwsl.__version__

extensions = [
    'myst_nb',  # Markdown, and Markdown notebooks, which are executed
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx-mathjax-offline',  # sphinx.ext.mathjax with its script in the pages, which then need no network
    'sphinx_copybutton',
    'method_pages',
    'public_names',
]
exclude_patterns = ['_build', '_ext']
highlight_language = 'none'  # of code without a language: commands
nitpicky = True
# Objects of other packages. Their inventories are on the network, which a build must not need.
OTHERS = 'torch|nn|mmseg|mmengine|mmcv|numpy|np|PIL|Image|cv2|collections|pathlib|abc|_pickle'
nitpick_ignore_regex = [(r'py:.*', rf'({OTHERS})(\..*)?')]

myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 4
nb_execution_mode = 'force'  # quicker while you write: make docs SPHINX_ARGS='-D nb_execution_mode=cache'
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [('Required Keys', 'notes_style'), ('Added Keys', 'notes_style')]
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

# mmcv's decorator fails where autodoc looks at a method of a class, without an instance.
_get = cache_randomness.__get__
cache_randomness.__get__ = lambda self, instance, owner=None: self if instance is None else _get(self, instance, owner)

method_pages_root = '../configs'

html_theme = 'furo'
html_title = f'mmwsl {version}'
html_static_path = ['_static']
html_css_files = ['mmwsl.css']
html_copy_source = False
html_show_sphinx = False
