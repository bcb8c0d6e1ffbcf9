"""What is found once and kept: thousands of units ask for the same."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class Keeper(Protocol):
    """Keeps what it was first given for a key."""

    @property
    def found(self) -> dict[Any, Any]: ...


K = TypeVar("K", bound=Keeper)
P = ParamSpec("P")
T = TypeVar("T")


def kept(find: Callable[Concatenate[K, P], T]) -> Callable[Concatenate[K, P], T]:
    """Let the first argument keep what is found for the others."""

    @wraps(find)
    def first_found(keeper: K, *key: P.args, **named: P.kwargs) -> T:
        asked = (find, key, *named.items())
        if asked not in keeper.found:
            keeper.found[asked] = find(keeper, *key, **named)
        found: T = keeper.found[asked]
        return found

    return first_found
