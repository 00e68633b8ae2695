// The embedded panel: tells the page around it its height, keeps itself fresh, and takes a new token when it has ended.
"use strict";

(() => {
  const EVERY_MS = 15000;
  const { origin, address } = document.body.dataset;
  const place = document.getElementById("panel");
  let session = document.body.dataset.session;
  let timer;

  const tell = (message) => window.parent.postMessage(message, origin);
  new ResizeObserver(() => {
    tell({ type: "forecast:height", height: Math.ceil(document.body.getBoundingClientRect().height) });
  }).observe(document.body);

  const end = () => {
    clearInterval(timer);
    document.getElementById("over").hidden = false;
    tell({ type: "forecast:expired" });
  };

  const refresh = async (seen) => {
    if (document.hidden) return;
    let answer;
    try {
      answer = await fetch(`${address}&seen=${encodeURIComponent(seen)}`, {
        headers: { "X-Panel-Session": session, Accept: "text/html" },
      });
    } catch {
      return; // the network is away: the next time asks again
    }
    if ([401, 403, 404].includes(answer.status)) return end();
    session = answer.headers.get("X-Panel-Session") ?? session;
    if (answer.status === 200) place.innerHTML = await answer.text();
  };

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== origin || event.data?.type !== "forecast:token") return;
    const asked = new URLSearchParams(location.search);
    asked.set("token", event.data.token);
    location.replace(`${location.pathname}?${asked}`);
  });

  refresh(""); // what takes longer to know was left out at first
  timer = setInterval(() => refresh(place.querySelector("[data-identity]").dataset.identity), EVERY_MS);
})();
