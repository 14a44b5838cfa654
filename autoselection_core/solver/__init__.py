"""Sequential search over recipes: a pure function from a history to the next candidates."""

from autoselection_core.history.search_settings import POLICIES
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.proposal import Candidate, Proposal, Recommendation
from autoselection_core.solver.solver import Solver

__all__ = ["POLICIES", "Candidate", "Policy", "Proposal", "Recommendation", "Solver"]
