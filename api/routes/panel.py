"""Tokens for the embedded panel. How a CRM shows it, in its own side bar::

    // On the CRM's server, with an API key that it keeps there (role admin, scope `panel`):
    //   POST /v1/panel-tokens {"entity": "lead", "entity_id": "L-17", "user_id": "U7", "origin": "https://crm.example.com"}
    // gives {"url": "/embed/lead/L-17?token=…", …}. In the CRM's page:
    const frame = document.createElement("iframe");
    frame.src = "https://forecast.example.com" + url + "&lang=zh";    // `&theme=dark` too
    frame.title = "Forecast";
    addEventListener("message", async event => {
        if (event.source !== frame.contentWindow || event.origin !== "https://forecast.example.com") return;
        if (event.data.type === "forecast:height") frame.style.height = `${event.data.height}px`;
        if (event.data.type === "forecast:expired") {                 // after half an hour: ask for another token
            const {token} = await (await fetch("/my-crm/panel-token")).json();
            frame.contentWindow.postMessage({type: "forecast:token", token}, "https://forecast.example.com");
        }
    });
    sideBar.append(frame);

The panel keeps itself fresh; it tells its height to pages of ``origin`` alone. Origins are configured by the setting
``frame_ancestors``. A sandboxed frame needs ``allow-scripts allow-same-origin``.
"""

from urllib.parse import quote, urlencode

from fastapi import APIRouter

from api.errors import documented
from api.panel_schemas import PanelToken, PanelTokenToIssue
from api.panel_view import issue_token
from api.view import ViewOf

router = APIRouter(prefix="/panel-tokens", tags=["panel"])


@router.post("", status_code=201, responses=documented(400, 404), summary="Ask for a panel")
def issue(view: ViewOf, body: PanelTokenToIssue) -> PanelToken:
    """A token that opens the panel of one lead or opportunity once, within five minutes, for one person on one site."""
    token, expires_at = issue_token(view.service, view.caller, body.user_id, body.entity, body.entity_id, body.origin)
    address = f"/embed/{body.entity}/{quote(body.entity_id, safe='')}?{urlencode({'token': token})}"
    return PanelToken(token=token, url=address, expires_at=expires_at)
