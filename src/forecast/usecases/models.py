"""Registry work: who serves, promotion and rollback by hand, model cards."""

import pandas as pd

from forecast.errors import InvalidInput, UnknownModel
from forecast.evaluation.promotion import Decision
from forecast.ports import Clock, ModelRegistry, ModelVersion, Promotion, Store
from forecast.usecases.champion import GATE, serving

#: Among the files of every registered model.
CARD = "card.md"

#: Tags of a version: what the gate decided when it was trained, and why.
GATE_DECISION, GATE_REASON = "gate", "gate_reason"
PROMOTED, REFUSED = "promoted", "refused"


def list_models(registry: ModelRegistry, store: Store) -> pd.DataFrame:
    """Registered versions, by name and then oldest first.

    Returns
    -------
    DataFrame
        ``name``, ``version``, ``champion`` (serves now), ``cutoff``, ``batch``, ``kind``, ``horizon_days``,
        ``log_loss``, ``promoted_at`` (last time, or missing), ``reason``, ``run_id``, ``gate`` (``promoted`` or
        ``refused`` when it was trained) and ``gate_reason``; missing where a kind of model has no such number.
    """
    ledger = list(store.promotions())
    columns = ["name", "version", "champion", "cutoff", "batch", "kind", "horizon_days", "log_loss"]
    rows = [_row(version, ledger) for version in registry.versions()]
    return pd.DataFrame(rows, columns=[*columns, "promoted_at", "reason", "run_id", GATE_DECISION, GATE_REASON])


def promote(registry: ModelRegistry, store: Store, clock: Clock, model: str, *, author: str, reason: str) -> None:
    """Make a registered version the champion by hand; the ledger keeps who did it and why.

    Parameters
    ----------
    model : str
        ``conversion_lead/3``.

    Raises
    ------
    InvalidInput
        If ``model`` does not name a version, or the author is the gate's name.
    UnknownModel
        If there is no such version.
    """
    if author == GATE:
        raise InvalidInput(f"`author` must be a person, {GATE!r} is the name of the automatic gate.")
    enthrone(registry, store, clock, registry.version(*split_label(model)), reason=reason, author=author)


def rollback(registry: ModelRegistry, store: Store, clock: Clock, name: str, *, author: str, reason: str = "") -> str:
    """Return to the champion before the present one; returns its label, ``name/version``.

    Raises
    ------
    UnknownModel
        If no earlier champion is known.
    """
    ledger = list(store.promotions(name))
    now = clock.now()
    present = serving(ledger, now)
    if present is None:
        raise UnknownModel(f"No version of {name!r} was ever promoted.")
    before = serving([promotion for promotion in ledger if promotion.version != present.version], now)
    if before is None:
        raise UnknownModel(f"{name}/{present.version} is the first champion; there is none to return to.")
    label = f"{name}/{before.version}"
    told = f"rollback from {name}/{present.version}" + (f": {reason}" if reason else "")
    promote(registry, store, clock, label, author=author, reason=told)
    return label


def card(registry: ModelRegistry, model: str) -> str:
    """The model card of a version, in Markdown.

    Raises
    ------
    UnknownModel
        If there is no such version.
    """
    files = registry.files(*split_label(model))
    if CARD not in files:
        raise UnknownModel(f"{model} has no card.")
    return files[CARD].decode()


def enthrone(
    registry: ModelRegistry, store: Store, clock: Clock, version: ModelVersion, *, reason: str, author: str
) -> None:
    """Append to the ledger; the registry's alias moves with it when the version then serves today."""
    now = clock.now()
    promotion = Promotion(version.name, version.version, version.cutoff, now, reason, author)
    if serving([*store.promotions(version.name), promotion], now) == promotion:
        registry.set_champion(version.name, version.version)
    store.promote(promotion)
    store.audit(author, "promote", f"{version.label}: {reason}")


def gate_tags(decision: Decision) -> dict[str, str]:
    """What a version says of the gate's decision."""
    return {GATE_DECISION: PROMOTED if decision.promote else REFUSED, GATE_REASON: decision.reason}


def split_label(model: str) -> tuple[str, str]:
    """Name and version of ``name/version``.

    Raises
    ------
    InvalidInput
        If it has another form.
    """
    name, _, version = model.rpartition("/")
    if not name or not version:
        raise InvalidInput(f"A model version must look like conversion_lead/3, got {model!r}.")
    return name, version


def _row(version: ModelVersion, ledger: list[Promotion]) -> dict[str, object]:
    of_name = [promotion for promotion in ledger if promotion.name == version.name]
    lines = [promotion for promotion in of_name if promotion.version == version.version]
    champion = serving(of_name, max((promotion.promoted_at for promotion in of_name), default=version.cutoff))
    return {
        "name": version.name,
        "version": version.version,
        "champion": champion is not None and champion.version == version.version,
        "cutoff": version.cutoff,
        "batch": version.batch,
        "kind": version.tags.get("kind"),
        "horizon_days": version.tags.get("horizon_days"),
        "log_loss": version.metrics.get("log_loss"),
        "promoted_at": lines[-1].promoted_at if lines else None,
        "reason": lines[-1].reason if lines else None,
        "run_id": version.run_id,
        GATE_DECISION: version.tags.get(GATE_DECISION),
        GATE_REASON: version.tags.get(GATE_REASON),
    }
