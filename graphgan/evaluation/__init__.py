"""Compare systems by many metrics on a prepared folder, with tables, plots and contact sheets."""

from graphgan.evaluation._cache import ResultCache
from graphgan.evaluation._evaluate import Evaluation, evaluate
from graphgan.evaluation._groups import Groups, parse_bins, probe_groups, read_groups
from graphgan.evaluation._measurements import Measurement
from graphgan.evaluation._measures.features import Features
from graphgan.evaluation._measures.folds import read_fold_pairs
from graphgan.evaluation._protocol import (
    ConditionRule,
    EvaluationProtocol,
    Splits,
    draw_protocol,
    read_protocol,
    write_protocol,
)
from graphgan.evaluation._report.first_page import first_page, gaps
from graphgan.evaluation._report.tables import Published, read_published
from graphgan.evaluation._report.writing import write_report
from graphgan.evaluation._results_folder import FolderOfResults
from graphgan.evaluation._study import Settings, Study
from graphgan.evaluation._system_names import SYSTEMS, parse_system
from graphgan.evaluation._systems import AnonyGANSystem, CIAGANSystem, Original, Request, System
from graphgan.evaluation._tools import ToolRunner, Tools

__all__ = [
    "SYSTEMS",
    "AnonyGANSystem",
    "CIAGANSystem",
    "ConditionRule",
    "Evaluation",
    "EvaluationProtocol",
    "Features",
    "FolderOfResults",
    "Groups",
    "Measurement",
    "Original",
    "Published",
    "Request",
    "ResultCache",
    "Settings",
    "Splits",
    "Study",
    "System",
    "ToolRunner",
    "Tools",
    "draw_protocol",
    "evaluate",
    "first_page",
    "gaps",
    "parse_bins",
    "parse_system",
    "probe_groups",
    "read_fold_pairs",
    "read_groups",
    "read_protocol",
    "read_published",
    "write_protocol",
    "write_report",
]
