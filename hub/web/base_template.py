"""The template of a project that the hub's pages are put into (``HUB_BASE_TEMPLATE``): does it have the blocks?"""

from collections.abc import Iterator
from typing import Any

from django.template import Template, TemplateSyntaxError
from django.template.base import Node, NodeList
from django.template.library import InclusionNode, SimpleNode
from django.template.loader import get_template
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode

#: What it must have: the page itself, and its styles and scripts in ``<head>``.
NEEDED = ("content", "head")

#: Where the tags of widgets are, and the one that prints what makes them work.
_TAGS = "hub.templatetags.hub"
_SCRIPTS = "hub_scripts"


def missing_blocks(name: str) -> list[str]:
    """Those of :data:`NEEDED` that the template does not have, as far as that can be told without rendering it.

    Raises:
        TemplateDoesNotExist: there is no such template.
        TemplateSyntaxError: it, or one that it extends, is none; or it is of another template language.
    """
    chain = list(_chain(name))
    if chain[-1] is None:
        return []
    there_are: set[str] = set()
    for nodes in reversed([nodes for nodes in chain if nodes is not None]):
        extends = _extends(nodes)
        if extends is None:
            there_are |= _names(nodes)
            continue
        # A block that fills none of the template above is nowhere shown, nor are those inside it.
        filling = [block for block in extends.nodelist if isinstance(block, BlockNode) and block.name in there_are]
        there_are |= {name for block in filling for name in _names(block.nodelist)}
    return [name for name in NEEDED if name not in there_are]


def is_without_scripts(name: str) -> bool:
    """Whether the template has widgets, and surely no ``{% hub_scripts %}``. Raises as :func:`missing_blocks`."""
    chain = list(_chain(name))
    known = [nodes for nodes in chain if nodes is not None]
    if len(known) < len(chain) or any(_may_print(node) for nodes in known for node in nodes.get_nodes_by_type(Node)):
        return False
    tags = {tag for nodes in known for tag in _tags(nodes)}
    return bool(tags) and _SCRIPTS not in tags


def _may_print(node: Node) -> bool:
    """Whether only rendering can tell what is there: another template, or what somebody's tag says of the page."""
    if isinstance(node, IncludeNode | InclusionNode):
        return True
    made_by = node.func.__module__ if isinstance(node, SimpleNode) and node.takes_context else type(node).__module__
    return made_by.partition(".")[0] not in {"django", "hub"}


def _tags(nodes: NodeList) -> Iterator[str]:
    for node in nodes.get_nodes_by_type(SimpleNode):
        if isinstance(node, SimpleNode) and node.func.__module__ == _TAGS:
            yield node.func.__name__


def _chain(name: str) -> Iterator[NodeList | None]:
    """The nodes of the template, and of each that the one before extends; None where only rendering can tell which."""
    seen: set[str] = set()
    while True:
        found = getattr(get_template(name), "template", None)
        if not isinstance(found, Template):
            raise TemplateSyntaxError("it is no template of Django's template language")
        yield found.nodelist
        seen.add(name)
        extends = _extends(found.nodelist)
        if extends is None:
            return
        named: Any = extends.parent_name
        parent = named.var  # a Variable, where it is not written out
        if not isinstance(parent, str) or named.filters or parent in seen:
            yield None
            return
        name = parent


def _extends(nodes: NodeList) -> ExtendsNode | None:
    return next((node for node in nodes.get_nodes_by_type(ExtendsNode) if isinstance(node, ExtendsNode)), None)


def _names(nodes: NodeList) -> set[str]:
    return {node.name for node in nodes.get_nodes_by_type(BlockNode) if isinstance(node, BlockNode)}
