// The page of simulations: what comes out follows the form while one moves in it. The
// server computes and writes all of it; here the page of the form's values is asked for
// and its parts are put in the place of those shown.
"use strict";

// What is put in place of what is shown; the form stays, for someone is in it.
const parts = ["#simulation-years", "#simulation-faults", "#simulation-shares", "#simulation-detail", ".languages"];

// numberOf reads a number as people type it: 0,25 or 0.25. NaN for what is none.
const numberOf = (text) => (text.trim() === "" ? NaN : Number(text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".")));

// typed writes a number as people of the language type it.
const typed = (number, lang) => (lang === "en" ? String(number) : String(number).replace(".", ","));

// sliderOf gives the steps and ends of a slider for a kind of number that goes to most.
const sliderOf = (kind, most) => ({ min: kind === "years" ? 1 : 0, max: most, step: kind === "points" ? 0.05 : 1 });

// queryOf is what a form asks for, without its files.
function queryOf(entries) {
  const query = new URLSearchParams();
  for (const [name, value] of entries) if (typeof value === "string") query.append(name, value);
  return query.toString();
}

function startSimulating(form) {
  const $ = (id) => document.getElementById(id);
  const lang = document.documentElement.lang;
  const pause = 250; // milliseconds without a change before it is computed
  let timer = 0;
  let asking = null;

  function addSlider(input) {
    const slider = document.createElement("input");
    const { min, max, step } = sliderOf(input.dataset.kind, Number(input.dataset.most));
    Object.assign(slider, { type: "range", min, max, step });
    slider.setAttribute("aria-labelledby", `${input.id}-label`);
    const follow = () => {
      const n = numberOf(input.value);
      if (Number.isNaN(n)) return;
      slider.max = Math.max(max, n);
      slider.value = n;
    };
    follow();
    input.addEventListener("input", follow);
    slider.addEventListener("input", () => {
      input.value = typed(Number(slider.value), lang);
      later();
    });
    input.after(slider);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(compute, pause);
  }

  async function ask(signal) {
    const data = new FormData(form);
    const withFiles = Array.from(data.values()).some((v) => typeof v !== "string" && v.name !== "");
    const headers = { Accept: "text/html" };
    const answer = withFiles ? await fetch(form.action, { method: "POST", body: data, headers, signal }) :
      await fetch(`${form.action}?${queryOf(data)}`, { headers, signal });
    if (!answer.ok) throw new Error(answer.statusText);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function compute() {
    clearTimeout(timer);
    asking?.abort();
    const mine = asking = new AbortController();
    try {
      const fresh = await ask(mine.signal);
      if (mine !== asking) return;
      show(fresh);
      $("simulation-failed").hidden = true;
    } catch (e) {
      if (mine !== asking || e.name === "AbortError") return;
      $("simulation-failed").hidden = false;
      $("simulation-said").textContent = $("simulation-failed").textContent;
    }
  }

  function show(fresh) {
    const aloud = said(fresh); // before its parts are taken out of it
    for (const selector of parts) {
      const now = document.querySelector(selector);
      const next = fresh.querySelector(selector);
      if (now && next) now.replaceChildren(...next.childNodes);
    }
    for (const fault of form.querySelectorAll(".fault")) mark(fault, fresh.getElementById(fault.id));
    for (const text of form.querySelectorAll("[id$='-text']")) text.textContent = fresh.getElementById(text.id)?.textContent ?? "";
    const link = $("simulation-link");
    if (link) history.replaceState(null, "", link.getAttribute("href"));
    $("simulation-copying").hidden = !link;
    $("simulation-said").textContent = aloud;
    $("simulation-copied").textContent = "";
  }

  // mark says in the form what the fresh page says of a field.
  function mark(fault, fresh) {
    fault.textContent = fresh?.textContent ?? "";
    const wrong = fault.textContent !== "";
    for (const input of fault.parentElement.querySelectorAll("input:not([type=range], [type=hidden], [type=radio])")) {
      if (wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    if (wrong) fault.closest("details").open = true;
  }

  // said is what is read aloud: the shares, or the first fault.
  function said(fresh) {
    const shares = Array.from(fresh.querySelectorAll("[data-share]"), (td) => `${td.dataset.share}: ${td.textContent} %`);
    return shares.length > 0 ? shares.join(", ") : fresh.querySelector("#simulation-faults li")?.textContent ?? "";
  }

  for (const input of form.querySelectorAll("[data-most]")) addSlider(input);
  form.addEventListener("input", (e) => { if (e.target.type !== "range") later(); });
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    await compute();
    (document.querySelector("#simulation-faults [role=alert]") ?? $("shares")).focus();
  });
  $("simulation-copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("simulation-link").href);
      $("simulation-copied").textContent = $("simulation-copied").dataset.copied;
    } catch {
      getSelection().selectAllChildren($("simulation-link")); // so that it can be copied by hand
    }
  });
  $("simulation-copying").hidden = !$("simulation-link");
}

const simulationForm = globalThis.document?.getElementById("simulation-form");
if (simulationForm) startSimulating(simulationForm);
