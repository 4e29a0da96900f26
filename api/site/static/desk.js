// Marks what has come since this browser last saw the desk. Nothing is sent anywhere.
"use strict";

const desk = document.getElementById("news");
if (desk) {
  const name = `spredning.seen.${desk.dataset.of}`;
  let seen = null;
  try {
    seen = localStorage.getItem(name);
    localStorage.setItem(name, desk.dataset.position);
  } catch {
    // Without a memory nothing is marked.
  }
  if (seen !== null) {
    for (const e of desk.querySelectorAll("[data-index]")) e.querySelector(".new").hidden = Number(e.dataset.index) < Number(seen);
  }
}
