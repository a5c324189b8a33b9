"""`--help` in groups, written by typer's plain formatter: rich would cost more than all the rest of it."""

from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """Lists its options under the panels they were declared with, in the order of declaration."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                fallback = f"{parameter.param_type_name}s".capitalize()
                panel = getattr(parameter, "rich_help_panel", None) or fallback
                groups.setdefault(panel, []).append(record)
        for panel, records in groups.items():
            with formatter.section(panel):
                formatter.write_dl(records)
