// Keeps an open page fresh: asks now and then what changed, loads the rows anew and marks those that did.
"use strict";

(() => {
  const EVERY_MS = 1500; // of the five seconds from an event to its score on a page
  const place = document.querySelector("[data-follow]");
  if (!place) return;
  let since = place.dataset.since;

  const mark = (ids) => {
    for (const row of place.querySelectorAll("tr[data-id]")) if (ids.has(row.dataset.id)) row.classList.add("changed");
  };

  // A page of one case says that there is a newer score; a list shows it.
  const refresh = async (changes, reset) => {
    const ids = new Set(changes.filter((one) => one.entity === place.dataset.entity).map((one) => one.id));
    if (!reset && !ids.size) return;
    if (place.dataset.id) {
      if (reset || ids.has(place.dataset.id)) place.querySelector("[data-changed]").hidden = false;
      return;
    }
    await htmx.ajax("GET", place.dataset.source, { target: "#rows", swap: "innerHTML" });
    mark(ids);
  };

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`${place.dataset.follow}?since=${since}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const told = await answer.json();
      if (String(told.until) === since && !told.reset) return;
      since = String(told.until);
      await refresh(told.changes, told.reset);
    } catch {
      // The network is away: the next time asks again.
    }
  };
  setInterval(ask, EVERY_MS);
})();
