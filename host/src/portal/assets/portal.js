// Keeps the health of the tiles live. Without scripts, the page shows what held when it was opened.
"use strict";

const tiles = document.querySelectorAll("[data-backend]");

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch("/-/health", { headers: { accept: "application/json" } });
    if (response.status === 401) location.reload();
    if (!response.ok) return;
    const backends = await response.json();
    for (const tile of tiles) {
      const health = backends[tile.dataset.backend];
      const badge = tile.querySelector("[data-health]");
      if (!health || !badge) continue;
      badge.textContent = health.words;
      badge.className = "health " + health.class;
    }
  } catch {
    // The gateway cannot be reached: what is shown stays until it can.
  }
}

setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
