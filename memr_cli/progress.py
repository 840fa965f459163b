"""How long work tells that it is getting on, without knowing about terminals."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Wraps an iterable and shows how far it has come; passes every item through unchanged."""

    def __call__(
        self,
        items: Iterable[T],
        description: str,
        *,
        total: int | None = None,
        unit: str = "it",
        told: Callable[[T], str] | None = None,
    ) -> Iterable[T]:
        """Yield `items`, of which there are `total`, each called a `unit`.

        told: what to show with an item, such as how well things stand.
        """
        ...


def silent(
    items: Iterable[T],
    description: str,  # noqa: ARG001 - the protocol's signature
    *,
    total: int | None = None,  # noqa: ARG001
    unit: str = "it",  # noqa: ARG001
    told: Callable[[T], str] | None = None,  # noqa: ARG001
) -> Iterator[T]:
    """Show nothing."""
    yield from items
