"""What one request read or changed, collected on its way for the audit log."""

from dataclasses import dataclass, field


@dataclass
class Trail:
    """Notes of one request; ids only, never what stands behind them.

    Attributes
    ----------
    parts : set of str
        Parts of the service that the request opened.
    action : str
        What it did; empty for what its route says.
    subjects : list of str
        What it did it to, beside the ids in its address.
    """

    parts: set[str] = field(default_factory=set)
    action: str = ""
    subjects: list[str] = field(default_factory=list)

    def note(self, action: str, subject: str) -> None:
        """Say what the request changed, better than its route does."""
        self.action = action
        self.subjects.append(subject)
