"""Whether octets of one client reach another: see `test_crosstalk.py`."""

from .asks import WAYS as WAYS
from .asks import Scope as Scope
from .asks import new_seed as new_seed
from .run import ask_app as ask_app
from .run import crosstalk as crosstalk
from .run import shrink as shrink
