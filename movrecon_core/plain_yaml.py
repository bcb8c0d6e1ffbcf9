"""YAML as it is meant: no references, no key twice, no objects."""

from typing import Any

import yaml


class _PlainLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in lines:
                raise yaml.YAMLError(f"the key '{key.value}' stands in line {lines[key.value]} and again in {line}")
            lines[str(key.value)] = line
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # a few lines of them can stand for more than any memory holds
            raise yaml.YAMLError(f"references (*{self.peek_event().anchor}) are not used here")
        return super().compose_node(parent, index)


def load_plain_yaml(text: str) -> Any:
    """Content of a YAML text.

    Raises
    ------
    yaml.YAMLError
        If it is none, or has references or a key twice.
    """
    return yaml.load(text, _PlainLoader)
