"""What can be wrong with a store as a whole; each message says what to do next."""


class StoreError(Exception):
    """Base of the errors below; `str(error)` is the whole message for the user."""


class StoreMissingError(StoreError):
    """There is no file at the path."""


class NotAStoreError(StoreError):
    """There is something at the path, but it is not a memr store."""


class StoreDamagedError(StoreError):
    """The store cannot be read, or does not have the layout that FORMAT.md fixes."""


class StoreTooNewError(StoreError):
    """The store was written in a later format than this package reads."""


class StoreTooOldError(StoreError):
    """The store was written in a format that this package no longer reads."""
