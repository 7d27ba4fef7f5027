"""Figures and tables made from data frames."""

from natv2.reporting.architectures import architectures_figure
from natv2.reporting.finished import finished_figure
from natv2.reporting.front import front_figure, front_image
from natv2.reporting.fronts_by_turn import fronts_figure
from natv2.reporting.search_curves import search_figure
from natv2.reporting.shrinking import shrinking_figure, shrinking_table
from natv2.reporting.tables import as_text, results_table

__all__ = [
    "architectures_figure",
    "as_text",
    "finished_figure",
    "front_figure",
    "front_image",
    "fronts_figure",
    "results_table",
    "search_figure",
    "shrinking_figure",
    "shrinking_table",
]
