"""The secret that signs what a workspace gives to others to bring back."""

from forecast.workspace.base import WorkspaceBase


class SecretCalls(WorkspaceBase):
    """Secrets of the workspace."""

    def panel_secret(self) -> bytes:
        """What signs tokens of embedded panels: the setting, for services on several machines, else a file here."""
        from forecast.adapters.secret_file import secret_in

        given = self.settings.panel_secret.get_secret_value()
        return given.encode() if given else secret_in(self.path / "secrets" / "panel.key")
