"""How long work tells that it is getting on, without knowing about terminals."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Wraps an iterable and shows how far it has come; passes every item through unchanged."""

    def __call__(
        self, items: Iterable[T], description: str, *, total: int | None = None, unit: str = "it"
    ) -> Iterable[T]:
        """Yield `items`, of which there are `total`, each called a `unit`."""
        ...


def silent(
    items: Iterable[T],
    description: str,  # noqa: ARG001 - the protocol's signature
    *,
    total: int | None = None,  # noqa: ARG001
    unit: str = "it",  # noqa: ARG001
) -> Iterator[T]:
    """Show nothing."""
    yield from items
