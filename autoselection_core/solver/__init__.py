"""What a search tries next: from a history to candidates, as a pure function."""

from autoselection_core.solver.policy import POLICIES, Policy
from autoselection_core.solver.proposal import Candidate, Proposal, Recommendation
from autoselection_core.solver.solver import Solver

__all__ = ["POLICIES", "Candidate", "Policy", "Proposal", "Recommendation", "Solver"]
