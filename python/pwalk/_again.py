"""Raises an exception from where only its class can be named."""


def again(error: BaseException) -> type[BaseException]:
    """A class whose one instance is `error`, wherever an instance of it is made."""
    return type("Again", (BaseException,), {"__new__": lambda *_: error})
