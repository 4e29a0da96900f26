// Reads files that are attached to an event, so that it names them, and sends their bytes
// once the event is an entry. What a file must be the ledger checks as well
// (ledger/attachment.go); one that it would refuse must not be named, for what is signed stays.
// Functions of check.js and sign.js are used here; this is loaded between them.
"use strict";

const maxAttachment = 5 << 20; // bytes
const maxAttachments = 10; // of an event
const maxSide = 16384; // pixels of a picture
const maxPixels = 64e6;

const mediaTypes = new Map(Object.entries({
  md: "text/markdown", markdown: "text/markdown", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp", pdf: "application/pdf",
}));

const mediaTypeOf = (name) => mediaTypes.get(name.split(".").at(-1).toLowerCase());

// sizeOf writes a number of bytes as pages do.
function sizeOf(n) {
  for (const unit of ["B", "kB"]) {
    if (n < 1000) return `${n}\u00a0${unit}`;
    n = Math.round(n / 1000);
  }
  return `${n}\u00a0MB`;
}

// Of what a file must be. Faults are named by their problems; null: there is none.

const beginsWith = (bytes, ...parts) => parts.every(([at, hex]) => toHex(bytes.subarray(at, at + hex.length / 2)) === hex);

const pictures = {
  "image/png": [[0, "89504e470d0a1a0a"]], "image/jpeg": [[0, "ffd8ff"]], "image/webp": [[0, "52494646"], [8, "57454250"]],
};

async function faultOfFile(mediaType, bytes) {
  if (bytes.length === 0) return "file_empty";
  if (mediaType === "text/markdown") return faultOfStory(bytes);
  if (mediaType === "application/pdf") return beginsWith(bytes, [0, "255044462d"]) ? null : "file_pdf";
  if (!beginsWith(bytes, ...pictures[mediaType])) return "file_picture";
  try {
    const { width, height } = await createImageBitmap(new Blob([bytes], { type: mediaType }));
    return Math.max(width, height) > maxSide || width * height > maxPixels ? "file_measures" : null;
  } catch {
    return "file_picture";
  }
}

function faultOfStory(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "file_text";
  }
  if (/(?![\n\r\t])\p{Cc}|\p{Bidi_Control}/u.test(text)) return "file_control";
  return hasIdentityNumber(text) ? "personal_data" : null;
}

// hasIdentityNumber finds a valid national identity number, as ledger/text.go does.
function hasIdentityNumber(text) {
  const weights = [[3, 7, 6, 1, 8, 9, 4, 5, 2, 1], [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]];
  const found = text.matchAll(/(?<![0-9])(?=([0-9]{6})[ \-.\u00a0]?([0-9]{5})(?![0-9]))/g);
  return Array.from(found).some(([, date, rest]) => {
    const day = Number(date.slice(0, 2));
    const month = Number(date.slice(2, 4));
    const born = day > 40 ? day - 40 : day; // a D-number
    return born >= 1 && born <= 31 && month >= 1 && month <= 12 &&
      weights.every((all) => all.reduce((sum, w, k) => sum + w * Number((date + rest)[k]), 0) % 11 === 0);
  });
}

// bytesOf reads a file; null: it cannot be read.
async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    return null;
  }
}

// readFile gives a file's bytes and what an event says of it, all but the title; or the
// problem with it.
async function readFile(file) {
  const mediaType = mediaTypeOf(file.name);
  if (!mediaType) return { problem: "file_type" };
  if (file.size > maxAttachment) return { problem: "file_large" };
  const bytes = await bytesOf(file);
  if (!bytes) return { problem: "file_unread" };
  const problem = await faultOfFile(mediaType, bytes);
  return { problem, bytes, attachment: { sha256: toHex(await sha256(bytes)), media_type: mediaType, size: bytes.length } };
}

// Of forms.

const fillPart = (row, name, text) => { for (const e of row.querySelectorAll(`[data-part="${name}"]`)) e.textContent = text; };

const newRow = (within) => within.querySelector("template").content.firstElementChild.cloneNode(true);

const aboutFile = (a) => `${word(`value.media_type.${a.media_type}`) ?? a.media_type}, ${sizeOf(a.size)}`;

const titleOf = (text) => text[document.documentElement.lang] ?? Object.values(text)[0];

// showFault says something below an input, or nothing any more.
function showFault(input, fault, ...texts) {
  fault.textContent = texts.join("\n");
  fault.hidden = texts.length === 0;
  input.setAttribute("aria-describedby", (input.getAttribute("aria-describedby") ?? "").replace(/ ?\S+-fault$/, "") + (fault.hidden ? "" : ` ${fault.id}`));
  if (fault.hidden) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

// readAttachments gives what the event says of the files that are listed.
function readAttachments(field) {
  const all = Array.from(field.querySelectorAll(".file"), (row) => ({ ...JSON.parse(row.dataset.attachment), title: readTexts(row) }));
  return all.length > 0 ? all : undefined;
}

// attaching runs a field of files: each is listed with its title, and can be taken out again.
function attaching(field, changed) {
  const input = field.querySelector('input[type="file"]');
  const list = field.querySelector(".attached");
  const fault = field.querySelector(".fault");
  const status = field.querySelector("[role=status]");
  const held = new Map(); // bytes, by SHA-256
  const erased = new Set();
  let reading = Promise.resolve();

  // inUse are the languages that the event's other texts are in.
  function inUse() {
    const texts = Array.from(document.querySelectorAll('[data-kind="text"] [data-lang]'));
    const all = new Set(texts.filter((t) => t.value.trim()).map((t) => t.dataset.lang));
    return all.size > 0 ? all : new Set([document.documentElement.lang]);
  }

  // refresh asks for titles in those languages, and shows those that there are in others.
  function refresh() {
    const languages = inUse();
    for (const label of list.querySelectorAll("[data-title]")) label.hidden = !languages.has(label.dataset.title) && !label.querySelector("input").value;
  }

  function add(name, attachment, title = {}) {
    const row = newRow(field);
    row.dataset.attachment = JSON.stringify(attachment);
    row.dataset.name = name;
    fillPart(row, "name", name);
    fillPart(row, "about", aboutFile(attachment));
    row.querySelector('[data-part="erased"]').hidden = !erased.has(attachment.sha256);
    row.querySelector(".fault").id = `file-${attachment.sha256}-fault`;
    for (const i of row.querySelectorAll("[data-lang]")) {
      i.id = `file-${attachment.sha256}-${i.dataset.lang}`;
      i.value = title[i.dataset.lang] ?? "";
    }
    row.querySelector("button").addEventListener("click", () => remove(row));
    list.append(row);
  }

  function remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("button") ?? input).focus();
    tell();
  }

  function tell() {
    refresh();
    status.textContent = `${word("files.count")} ${list.children.length}`;
    changed();
  }

  async function take(file) {
    const { problem, bytes, attachment } = await readFile(file);
    if (problem) return problem;
    if (Array.from(list.children).some((row) => JSON.parse(row.dataset.attachment).sha256 === attachment.sha256)) return "file_twice";
    if (list.children.length >= maxAttachments) return "file_many";
    held.set(attachment.sha256, bytes);
    add(file.name, attachment);
    return null;
  }

  async function takeAll(files) {
    status.textContent = word("files.reading");
    const faults = [];
    for (const file of files) {
      const problem = await take(file);
      if (problem) faults.push(`${file.name}: ${word(`problem.${problem}`)}`);
    }
    showFault(input, fault, ...faults);
    tell();
  }

  input.addEventListener("change", () => {
    const files = Array.from(input.files);
    input.value = ""; // so that the same can be chosen again
    reading = reading.then(() => takeAll(files));
  });

  // lacking are the titles that are not written. What a revision keeps may have its title in
  // fewer languages than the rest.
  function lacking() {
    return Array.from(list.children).flatMap((row, n) => {
      const texts = readTexts(row) ?? {};
      const wanted = held.has(JSON.parse(row.dataset.attachment).sha256) ? Array.from(inUse()) : Object.keys(texts).length > 0 ? [] : [document.documentElement.lang];
      return wanted.filter((l) => !texts[l]).slice(0, 1).map((l) => `/data/attachments/${n}/title/${l}`);
    });
  }

  for (const { erased: by, title, ...attachment } of JSON.parse(field.dataset.value) ?? []) {
    if (by !== undefined) erased.add(attachment.sha256);
    add(titleOf(title), attachment, title);
  }
  refresh();
  return { held, erased, lacking, refresh, ready: () => reading };
}

// Of entries.

// put sends bytes, and tells which part of them has gone.
const put = (path, type, bytes, gone) => new Promise((done) => {
  const x = new XMLHttpRequest();
  x.open("PUT", path);
  x.setRequestHeader("Content-Type", type);
  x.setRequestHeader("Accept", "application/json");
  x.upload.addEventListener("progress", (e) => gone(e.loaded / e.total));
  x.addEventListener("loadend", () => done({ ok: x.status >= 200 && x.status < 300, status: x.status, json: async () => JSON.parse(x.responseText) }));
  x.send(bytes);
});

// What can be sent again is said in the page's own words; the ledger's detail is in English.
const sayUnsent = (p) => (["unavailable", "overloaded"].includes(p.code) ? word("problem.file_unsent") : sayProblem(p));

// supplying lists the files that an entry names, sends those whose bytes are held and takes
// those that are chosen. The entry has their hashes, so nothing is signed for it: what did
// not come can be sent again, now or later, by anyone who has the file. Of some it may be
// known that they are erased, and of all which are missing.
function supplying(index, attachments, { held = new Map(), erased = new Set(), missing } = {}) {
  const $ = (id) => document.getElementById(id);
  const list = $("files-list");
  const path = (a) => `/api/v1/attachments/${a.sha256}?min_position=${index + 1}`;

  const files = attachments.map((a) => {
    const row = newRow($("files"));
    const name = titleOf(a.title);
    fillPart(row, "name", name);
    fillPart(row, "about", aboutFile(a));
    row.querySelector("progress").setAttribute("aria-label", name);
    list.append(row);
    const file = { a, row };
    if (erased.has(a.sha256)) become(file, "erased");
    else if (missing) become(file, missing.has(a.sha256) ? "missing" : "here");
    else become(file, "waiting");
    return file;
  });

  function become(file, state, said = "") {
    const { a, row } = file;
    file.state = state;
    fillPart(row, "state", word(`file_state.${state}`));
    row.querySelector("progress").hidden = state !== "sending";
    const tag = row.querySelector('[data-part="state"]');
    tag.classList.toggle("good", state === "here");
    tag.classList.toggle("bad", ["missing", "failed", "erased"].includes(state));
    row.querySelector(".fault").textContent = said;
    row.querySelector(".fault").hidden = !said;
    if (state !== "here") return;
    const link = document.createElement("a");
    link.href = `/api/v1/attachments/${a.sha256}`;
    link.textContent = titleOf(a.title);
    row.querySelector('[data-part="name"]').replaceChildren(link);
  }

  async function send(file) {
    const progress = file.row.querySelector("progress");
    progress.value = 0;
    become(file, "sending");
    const answer = await put(path(file.a), file.a.media_type, held.get(file.a.sha256), (part) => { progress.value = part; });
    if (answer.ok) become(file, "here");
    else become(file, "failed", sayUnsent(await problemOf(answer)));
  }

  // ask finds out whether a file that is not held is here.
  async function ask(file) {
    try {
      const answer = await fetch(path(file.a), { method: "HEAD", cache: "no-store" });
      if (answer.ok) become(file, "here");
      else if (answer.status === 404) become(file, "missing");
      else become(file, "failed", word("problem.unavailable"));
    } catch {
      become(file, "failed", word("problem.unavailable"));
    }
  }

  async function go() {
    $("files-retry").hidden = true;
    for (const file of files) {
      if (["here", "erased"].includes(file.state)) continue;
      if (held.has(file.a.sha256)) await send(file);
      else if (file.state !== "missing") await ask(file);
    }
    const here = files.filter((f) => f.state === "here").length;
    const wanted = files.filter((f) => f.state !== "erased").length;
    $("files-status").textContent = wanted === 0 ? word("files.none") : here === wanted ? word("files.all") : `${word("files.some")} ${here}/${wanted}`;
    $("files-retry").hidden = !files.some((f) => f.state === "failed");
    $("files-choose").hidden = !files.some((f) => f.state === "missing");
    $("files-later").parentElement.hidden = here === wanted || location.pathname.endsWith(`/${index}`);
  }

  // choose takes the bytes of files by their hash, whatever they are called now.
  async function choose(chosen) {
    const faults = [];
    for (const file of chosen) {
      const bytes = file.size > maxAttachment ? new Uint8Array() : await bytesOf(file);
      const hash = bytes && toHex(await sha256(bytes));
      if (files.some((f) => f.a.sha256 === hash)) held.set(hash, bytes);
      else faults.push(`${file.name}: ${word(`problem.${bytes ? "file_other" : "file_unread"}`)}`);
    }
    showFault($("files-input"), $("files-fault"), ...faults);
    await going(go);
  }

  let turn = Promise.resolve();
  const going = (what) => { turn = turn.then(what); return turn; };
  $("files-later").href = $("files-later").dataset.to + index;
  $("files-retry").addEventListener("click", async () => {
    $("files-heading").focus(); // the button goes
    await going(go);
  });
  $("files-input").addEventListener("change", () => {
    const chosen = Array.from($("files-input").files);
    $("files-input").value = "";
    choose(chosen);
  });
  $("files").hidden = false;
  going(go);
}

// startSupplying runs the page of the files that an entry names.
function startSupplying(page) {
  begin(page);
  const files = JSON.parse(page.dataset.value);
  const erased = new Set(files.filter((f) => f.erased !== undefined).map((f) => f.sha256));
  supplying(Number(page.dataset.index), files, { erased, missing: new Set(page.dataset.missing.split(" ")) });
}
