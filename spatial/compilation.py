"""Loops over arrays, compiled to machine code on their first call and kept on disk for the next process.

Importing this module loads numba (about half a second): engines import it when they first measure.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop that needs no interpreter: it runs beside other threads, in IEEE arithmetic.

    The machine code is kept beside the module, or where that is read-only in the user's cache folder
    (``NUMBA_CACHE_DIR`` names another). Where neither can be written, every process compiles anew.
    """
    try:
        return cast("Function", numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba finds no folder that it may write to
        return cast("Function", numba.njit(nogil=True)(function))
