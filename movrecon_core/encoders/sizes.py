"""Which numbers may be the sizes of an encoder; profiles are checked against them before anything is computed."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("a kernel has a middle: its size should be odd")
    return size


Size = Annotated[int, Field(ge=1)]
Sizes = Annotated[tuple[Size, ...], Field(min_length=1)]
Odd = Annotated[int, Field(ge=1), AfterValidator(_odd)]
"""Of a kernel that is centred: an even one would change the number of positions or frames."""
Share = Annotated[float, Field(ge=0, lt=1)]
