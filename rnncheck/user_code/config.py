"""A configuration object for a class that takes one: it answers each field by its name, as attribute or key."""

from collections.abc import Mapping
from typing import Any

from rnncheck.errors import CannotRun
from rnncheck.model.spec import Spec
from rnncheck.model.trace import dtype_of
from rnncheck.user_code.roles import of_training, role_of


class Config(dict[str, Any]):
    """Holds the spec; `given` are the user's fields. Raises `CannotRun` for a field of unknown meaning."""

    def __init__(self, spec: Spec, output_size: int, given: Mapping[str, object]) -> None:
        super().__init__(given)
        self.__dict__["_spec"], self.__dict__["_output_size"] = spec, output_size

    def __missing__(self, name: str) -> Any:
        spec, role = self.__dict__["_spec"], role_of(name)
        values = {
            "output_size": self.__dict__["_output_size"],
            "dtype": dtype_of(spec),
            "mode": str(spec.cell),
            "nonlinearity": spec.nonlinearity or "tanh",
        }
        if role is None and (usual := of_training(name)) is not None:
            return usual
        if role is None or role == "config":
            raise CannotRun(
                f"it reads {name} from its configuration, and rnncheck cannot tell its value from its name; "
                f"give it with --arg {name}=VALUE"
            )
        return values[role] if role in values else getattr(spec, role)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        known = isinstance(name, str) and (role_of(name) not in (None, "config") or of_training(name) is not None)
        return super().__contains__(name) or known

    def get(self, name: str, default: Any = None) -> Any:
        return default if name not in self else self[name]  # noqa: SIM401 (which would call itself)
