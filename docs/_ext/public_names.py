"""Sphinx extension: references to an object by any of its names lead to the name under which it is documented.

A class is documented where users import it, such as ``mmwsl.models.losses.CCNNLoss``, but type hints name the module
that defines it, ``mmwsl.models.losses.ccnn_loss.CCNNLoss``, and docstrings may use ``mmwsl.models.CCNNLoss``.
"""

import pydoc
import sys
from typing import Any


def documented_names(env: Any) -> dict[int, str]:
    """Return the documented name of each object of mmwsl, by its id."""
    names: dict[int, str] = {}
    for name in env.get_domain('py').objects:
        found = pydoc.locate(name) if name.startswith('mmwsl.') else None
        if found is not None:
            names.setdefault(id(found), name)
    return names


def locate(target: str, node: Any) -> Any:
    """Return the object that a reference names: by its full name, or as a name in its context or in any module."""
    contexts = [
        node.get('py:module'),
        node.get('py:class'),
        *(name for name in sys.modules if name.startswith('mmwsl')),
    ]
    for name in [target, *(f'{context}.{target.lstrip(".")}' for context in contexts if context)]:
        found = pydoc.locate(name) if name.startswith('mmwsl.') else None
        if found is not None:
            return found
    return None


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolve a reference that Sphinx did not find; one to an internal object of mmwsl becomes plain text."""
    if node.get('refdomain') != 'py':
        return None
    found = locate(node['reftarget'], node)
    if found is None:
        return None
    if not hasattr(env, 'mmwsl_names'):
        env.mmwsl_names = documented_names(env)
    name = env.mmwsl_names.get(id(found))
    if not name:
        return contnode
    domain = env.get_domain('py')
    return domain.resolve_xref(env, node['refdoc'], app.builder, node['reftype'], name, node, contnode)


def forget(app: Any, env: Any, docnames: Any) -> None:
    """Forget the names: pages may have changed."""
    if hasattr(env, 'mmwsl_names'):
        del env.mmwsl_names


def setup(app: Any) -> dict[str, bool]:
    """Connect the extension."""
    app.connect('missing-reference', resolve)
    app.connect('env-before-read-docs', forget)
    return dict(parallel_read_safe=True, parallel_write_safe=True)
