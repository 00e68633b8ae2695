"""Bodies of requests for the embedded panel."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.schemas import EntityKind, Moment, Text

_EXAMPLE: JsonDict = {"entity": "lead", "entity_id": "L-17", "user_id": "U7", "origin": "https://crm.example.com"}


class PanelTokenToIssue(BaseModel):
    """Who looks at what, where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    entity: EntityKind
    entity_id: Text = Field(examples=["L-17"])
    user_id: Text | None = Field(default=None, description="The CRM user who looks; default the key's.")
    origin: str = Field(
        max_length=300,
        pattern=r"^https?://[a-z0-9.-]+(:\d{1,5})?$",
        description="Of the page that shows the panel: scheme, host and port, as its browser says it.",
        examples=["https://crm.example.com"],
    )


class PanelToken(BaseModel):
    """What opens a panel once."""

    token: str = Field(examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl"])
    url: str = Field(description="Below the service's address.", examples=["/embed/lead/L-17?token=eyJhbGciOi"])
    expires_at: Moment = Field(description="It must be opened before.")
