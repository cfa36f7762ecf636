"""Evaluate systems on a prepared folder: tables, plots and contact sheets."""

from graphgan.evaluation.cells import Cell
from graphgan.evaluation.evaluate import Evaluation, evaluate
from graphgan.evaluation.examiner import Examiner, Tools
from graphgan.evaluation.report import write_report
from graphgan.evaluation.results_folder import FolderOfResults
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.systems import AnonyGANSystem, CIAGANSystem, Original, Request, System
from graphgan.evaluation.tables import Published
from graphgan.evaluation.trials import Trials, make_trials

__all__ = [
    "AnonyGANSystem",
    "CIAGANSystem",
    "Cell",
    "Evaluation",
    "Examiner",
    "FolderOfResults",
    "Original",
    "Published",
    "Request",
    "Settings",
    "Study",
    "System",
    "Tools",
    "Trials",
    "evaluate",
    "make_trials",
    "write_report",
]
