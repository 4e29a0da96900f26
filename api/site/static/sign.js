// Makes an event of a form, shows it in plain words, has a passkey sign it, submits it and
// checks the receipt. What is shown is made from the very bytes that are signed.
// Functions that check.js has are used here too; it is loaded before.
"use strict";

const word = (key) => document.querySelector(`#sign-words [data-word="${CSS.escape(key)}"]`)?.textContent;

// Of passkeys. docs/passkeys.md has the encodings byte for byte.

const fromBase64URL = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

// counted puts the number of bytes before each part, in as many bytes as sizes say.
function counted(parts, sizes) {
  return concat(...parts.flatMap((p, k) => {
    const n = new Uint8Array(sizes[k]);
    for (let at = sizes[k] - 1, rest = p.length; at >= 0; at--, rest >>= 8) n[at] = rest & 255;
    return [n, p];
  }));
}

// publicOf gives the public bytes of a passkey that was made here, from its
// SubjectPublicKeyInfo. Null for a kind that is not taken.
function publicOf(credential) {
  const spki = new Uint8Array(credential.response.getPublicKey());
  let cose = null;
  if (credential.response.getPublicKeyAlgorithm() === -7) {
    const point = spki.slice(-64);
    cose = concat(fromHex("a5010203262001215820"), point.slice(0, 32), fromHex("225820"), point.slice(32));
  } else if (credential.response.getPublicKeyAlgorithm() === -8) {
    cose = concat(fromHex("a4010103272006215820"), spki.slice(-32));
  }
  if (!cose) return null;
  const origin = utf8(location.origin);
  return concat(
    counted([cose, new Uint8Array(credential.rawId), utf8(location.hostname)], [2, 2, 1]),
    Uint8Array.of(1), counted([origin], [2]),
  );
}

// Passkeys are for a name; an address of numbers is none.
class Unnamed extends Error {
  name = "Unnamed";

  constructor() {
    const here = new URL(location.href);
    here.hostname = "localhost";
    super(here.href);
  }
}

const hasName = () => !/^([0-9.]+|\[.*\])$/.test(location.hostname);

// codeOfError is the problem's code for what a browser could not do.
const codeOfError = (e) => ({ NotAllowedError: "not_touched", Unnamed: "unnamed" })[e.name] ?? "no_webauthn";

const paeOf = (type, payload) => concat(utf8(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload);

// signWith has one of the passkeys sign a message: {keyid, sig}.
async function signWith(passkeys, message) {
  if (!hasName()) throw new Unnamed();
  const got = await navigator.credentials.get({
    publicKey: {
      challenge: await sha256(message), rpId: location.hostname, userVerification: "required", timeout: 120000,
      allowCredentials: passkeys.map((k) => ({ type: "public-key", id: fromBase64URL(k.id) })),
    },
  });
  const used = toBase64URL(new Uint8Array(got.rawId));
  const { authenticatorData, clientDataJSON, signature } = got.response;
  const data = [authenticatorData, clientDataJSON].map((b) => new Uint8Array(b));
  return { keyid: passkeys.find((k) => k.id === used).keyid, sig: toBase64(concat(counted(data, [2, 2]), new Uint8Array(signature))) };
}

// Of events.

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// newULID is a ULID: 48 bits of time, 80 of chance.
function newULID(now) {
  let time = "";
  for (let k = 0, rest = now; k < 10; k++, rest = Math.floor(rest / 32)) time = crockford[rest % 32] + time;
  return time + Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => crockford[b % 32]).join("");
}

const eventOf = (payload) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));

const isText = (v) => isObject(v) && Object.keys(v).length > 0 && Object.entries(v).every(([l, t]) => ["nb", "nn", "en", "se"].includes(l) && typeof t === "string");

const locales = { nb: "nb", nn: "nb", en: "en-GB" };

// describe shows an event in plain words. Every member of it is shown; what has no words
// here is shown as it is.
function describe(payload, into) {
  const event = eventOf(payload);
  const element = (name, text) => {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const list = element("dl");
  list.className = "facts";
  const row = (label, value, lang) => {
    const dd = element("dd", value);
    if (lang) dd.lang = lang;
    list.append(element("dt", label), dd);
    return dd;
  };
  const plain = (name, value) => {
    if (typeof value === "boolean") return word(`yesno.${value}`);
    if (name === "size") return sizeOf(value);
    if (name === "sha256") return `SHA-256 ${value}`;
    if (name === "share") return `${(value / 10).toLocaleString(locales[document.documentElement.lang])} %`;
    if (typeof value !== "string") return JSON.stringify(value);
    const organisation = word(`organisation.${value}`);
    if (organisation) return `${organisation} (${value})`;
    if (/^\d{4}-\d\d-\d\d(T[\d:]+Z)?$/.test(value)) {
      const options = { dateStyle: "long", timeZone: value.length > 10 ? "Europe/Oslo" : "UTC" };
      if (value.length > 10) options.timeStyle = "short";
      return new Date(value).toLocaleString(locales[document.documentElement.lang], options);
    }
    return word(`value.${name}.${value}`) ?? value;
  };
  const show = (name, value, label) => {
    if (isText(value)) {
      for (const [lang, text] of Object.entries(value)) row(`${label} (${word(`language.${lang}`)})`, text, lang);
    } else if (Array.isArray(value) && value.every((v) => isObject(v))) {
      for (const v of value) {
        const rank = ([n, x]) => (isText(x) ? 0 : n === "sha256" ? 2 : 1); // a file's title first, its hash last
        const parts = Object.entries(v).toSorted((a, b) => rank(a) - rank(b));
        row(label, parts.map(([n, x]) => isText(x) ? Object.values(x).join(" / ") : plain(n, x)).join(", "));
      }
    } else if (Array.isArray(value)) {
      row(label, value.map((v) => plain(name, v)).join(", "));
    } else if (isObject(value)) {
      for (const [n, v] of Object.entries(value)) show(n, v, `${label}: ${word(`label.${n}`) ?? n}`);
    } else {
      const dd = row(label, plain(name, value));
      if (["innovation", "into", "derived_from"].includes(name)) titled(dd, value);
    }
  };
  for (const [name, value] of Object.entries(event)) {
    if (name === "type") continue;
    if (name !== "data") {
      show(name, value, word(`label.${name}`) ?? name);
      continue;
    }
    for (const [n, v] of Object.entries(value)) show(n, v, word(`label.${n}`) ?? n);
  }
  const heading = element("p");
  heading.append(element("strong", word(`value.type.${event.type}`) ?? event.type));
  into.replaceChildren(heading, list);
  return event;
}

const titles = new Map(); // of innovations, by id

// titled puts an innovation's title, as the ledger has it, before the id that is signed.
async function titled(into, id) {
  if (!/^[0-9A-HJKMNP-TV-Z]{26}$/.test(id)) return;
  if (!titles.has(id)) {
    titles.set(id, fetch(`/api/v1/innovations/${id}`).then((a) => (a.ok ? a.json() : null)).catch(() => null));
  }
  const i = await titles.get(id);
  if (i) into.textContent = `${i.title[document.documentElement.lang] ?? Object.values(i.title)[0]} (${id})`;
}

// Of forms.

// readTexts gives the texts that stand in an element, by language; undefined for none.
function readTexts(within) {
  const texts = Array.from(within.querySelectorAll("[data-lang]"), (t) => [t.dataset.lang, t.value.normalize("NFC").trim()]).filter(([, t]) => t);
  return texts.length > 0 ? Object.fromEntries(texts) : undefined;
}

// readField gives the value of a field as it stands, undefined for nothing.
function readField(field) {
  const { kind } = field.dataset;
  const checked = () => Array.from(field.querySelectorAll("input:checked"), (i) => i.value);
  const only = () => field.querySelector("input, select, textarea").value.trim();
  switch (kind) {
    case "fixed":
      return JSON.parse(field.dataset.value) ?? undefined;
    case "text":
      return readTexts(field);
    case "attachments":
      return readAttachments(field);
    case "choice":
      return checked()[0];
    case "choices":
      return checked().length > 0 ? checked() : undefined;
    case "yes":
      return checked().length > 0 ? checked()[0] === "true" : undefined;
    case "links": {
      const links = only().split(/\s+/).filter(Boolean);
      return links.length > 0 ? links : undefined;
    }
    case "originators": {
      const rows = Array.from(field.querySelectorAll(".share"), (r) => ({ orgnr: r.querySelector("select").value, share: Math.round(10 * Number(r.querySelector("input").value)) }));
      const all = rows.filter((r) => r.orgnr);
      return all.length > 0 ? all : undefined;
    }
    case "innovation":
      return /[0-9A-HJKMNP-TV-Z]{26}/.exec(only())?.[0] ?? (only() || undefined);
    default:
      return only() || undefined;
  }
}

// problemOf reads a refusal.
async function problemOf(answer) {
  try {
    const p = await answer.json();
    return { code: p.code, detail: p.detail, pointer: p.pointer ?? "", status: answer.status };
  } catch {
    return { code: answer.status === 429 ? "overloaded" : "unavailable", detail: "", pointer: "", status: answer.status };
  }
}

const post = (path, body) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body });

const envelopeOf = (payload, signatures) => JSON.stringify({
  payload: toBase64(payload), payloadType, signatures: signatures.toSorted((a, b) => (a.keyid < b.keyid ? -1 : 1)),
});

const remembered = {
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(`spredning.${name}`));
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`spredning.${name}`, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing only means that more has to be filled in.
    }
  },
};

// signer is what the form's page and the draft's page have in common: it shows the bytes,
// signs them and tells how it went. files are those that it names and the browser has.
function signer({ fail, files }) {
  const $ = (id) => document.getElementById(id);
  let payload = null;

  function show(bytes) {
    payload = bytes;
    const event = describe(bytes, $("sign-preview"));
    sha256(bytes).then((hash) => { if (payload === bytes) $("sign-hash").textContent = toHex(hash); });
    return event;
  }

  const status = (key) => { $("sign-status").textContent = key ? word(key) : ""; };

  // submit signs what is shown, beside the signatures that there are.
  async function submit(passkeys, others = []) {
    if (passkeys.length === 0) {
      fail({ code: "no_passkey", detail: "", pointer: "/by" });
      return;
    }
    const signed = payload; // what is shown now, whatever happens meanwhile
    $("sign-button").disabled = true;
    try {
      status("sign.touch");
      let signature;
      try {
        signature = await signWith(passkeys, paeOf(payloadType, signed));
      } catch (e) {
        fail({ code: codeOfError(e), detail: e.message, pointer: "" });
        return;
      }
      status("sign.sending");
      const envelope = envelopeOf(signed, [...others.filter((s) => s.keyid !== signature.keyid), signature]);
      await send(envelope, signed);
    } catch (e) {
      fail({ code: "unavailable", detail: e.message, pointer: "" });
    } finally {
      $("sign-button").disabled = false;
      status("");
    }
  }

  async function send(envelope, signed) {
    const answer = await post("/api/v1/events", envelope);
    if (answer.ok) {
      await done(await answer.text(), signed);
      return;
    }
    const problem = await problemOf(answer);
    if (problem.code !== "missing_signature") {
      fail(problem);
      return;
    }
    const draft = await post("/api/v1/drafts", envelope);
    if (!draft.ok) {
      fail(await problemOf(draft));
      return;
    }
    const kept = await draft.json();
    if (!kept.missing) { // others signed at the same time
      await send(kept.envelope, signed);
      return;
    }
    const link = $("waits-link");
    link.href = link.dataset.to + kept.payload_sha256;
    link.textContent = link.href;
    $("waits-files").hidden = !eventOf(signed).data.attachments;
    finish("sign-waits", "waits-heading");
  }

  async function done(receipt, signed) {
    const logKeys = Array.from(document.querySelectorAll("[data-log-key]"), (k) => ({ key: k.dataset.logKey, from: Number(k.dataset.from) }));
    const said = await checkReceipt(receipt, { logKeys, witnesses: [] });
    if (!said || !equal(said.entry.payload, signed)) {
      fail({ code: "bad_receipt", detail: "", pointer: "" });
      return;
    }
    const { index } = said.receipt;
    $("done-entry").href = `/api/v1/events/${index}`;
    $("done-entry").textContent = `${word("label.entry")} ${index}`;
    $("done-receipt").href = `/api/v1/events/${index}/receipt`;
    $("done-receipt").download = `${word("sign.receipt_file")}-${index}.json`;
    describe(said.entry.payload, $("done-shown"));
    $("done-shown").hidden = false;
    finish("sign-done", "done-heading");
    const { attachments } = said.entry.event.data;
    if (attachments) supplying(index, attachments, files);
  }

  function finish(section, heading) {
    for (const id of ["sign-form", "sign-shown", "sign-similar", "sign-errors", "sign-keys", "draft-files"]) if ($(id)) $(id).hidden = true;
    $(section).hidden = false;
    $(heading).focus();
  }

  $("done-print").addEventListener("click", () => print());
  return { show, submit, status };
}

// say gives the words for a refusal.
const sayProblem = (p) => [word(`problem.${p.code}`) ?? p.code, p.detail].filter(Boolean).join(" ");

// showProblems tells what is wrong above everything else.
function showProblems(...problems) {
  const errors = document.getElementById("sign-errors");
  errors.querySelector("ul").replaceChildren(...problems.map((p) => Object.assign(document.createElement("li"), { textContent: sayProblem(p) })));
  errors.hidden = false;
  errors.focus();
}

// begin shows what only a script can do, in the place of what says so.
function begin(page) {
  page.hidden = false;
  for (const e of document.querySelectorAll("[data-unscripted]")) e.hidden = true;
}

// startSigning runs the page of a form.
function startSigning(page) {
  const $ = (id) => document.getElementById(id);
  const { form, type, ledger, innovation } = page.dataset;
  const by = $("by");
  const id = newULID(Date.now());

  const passkeys = () => JSON.parse(by.selectedOptions[0]?.dataset.keys ?? "[]");
  function clear() {
    $("sign-errors").hidden = true;
    for (const f of page.querySelectorAll(".fault")) f.hidden = true;
    for (const e of page.querySelectorAll("[aria-invalid]")) {
      e.removeAttribute("aria-invalid");
      e.setAttribute("aria-describedby", (e.getAttribute("aria-describedby") ?? "").replace(/ ?\S+-fault$/, ""));
    }
  }

  // placeOf is where a pointer into the event leads to: a field, or a file that is listed in it.
  function placeOf(pointer) {
    const [, , name, n] = pointer.split("/");
    const field = page.querySelector(`[data-field="${pointer === "/by" ? "by" : CSS.escape(name ?? "")}"]`);
    return field?.querySelectorAll(".file")[n] ?? field;
  }

  const controlOf = (place, language) => [place.querySelector(`[data-lang="${CSS.escape(language)}"]`), ...place.querySelectorAll("input, select, textarea")].find((e) => e?.checkVisibility());

  // fail shows faults beside their fields, and all of them above.
  function fail(...problems) {
    clear();
    const items = problems.map((p) => {
      const place = placeOf(p.pointer);
      const name = place?.closest("[data-field]").dataset.field;
      const item = document.createElement("li");
      const control = place && controlOf(place, p.pointer.split("/").at(-1));
      const text = sayProblem(p);
      if (!control) {
        item.textContent = text;
        return item;
      }
      const a = document.createElement("a");
      a.href = `#${control.id}`;
      a.textContent = `${[word(`label.${name}`) ?? name, place.dataset.name].filter(Boolean).join(", ")}: ${text}`;
      a.addEventListener("click", (e) => { e.preventDefault(); control.focus(); });
      item.append(a);
      control.setAttribute("aria-invalid", "true");
      const fault = place.querySelector(".fault");
      if (fault) {
        fault.textContent = text;
        fault.hidden = false;
        control.setAttribute("aria-describedby", `${control.getAttribute("aria-describedby") ?? ""} ${fault.id}`.trim());
      }
      return item;
    });
    $("sign-errors").querySelector("ul").replaceChildren(...items);
    $("sign-errors").hidden = false;
    $("sign-errors").focus();
  }

  const field = page.querySelector('[data-kind="attachments"]');
  const files = field ? attaching(field, () => refresh()) : undefined;
  const work = signer({ fail, files });

  // read makes the event of what stands in the form, and says which fields lack something.
  function read() {
    const lacking = [];
    const data = innovation ? { innovation } : {};
    for (const field of page.querySelectorAll("#sign-form [data-kind]")) {
      const value = readField(field);
      if (value === undefined) {
        if (!("optional" in field.dataset)) lacking.push(`/data/${field.dataset.field}`);
        continue;
      }
      data[field.dataset.field] = value;
    }
    if (files) lacking.push(...files.lacking());
    if (!by.value) lacking.unshift("/by");
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    return { event: { ledger, id, type, by: by.value, at, data }, lacking };
  }

  async function refresh() {
    files?.refresh();
    const { event } = read();
    work.show(utf8(JSON.stringify(event)));
    if ($("sign-code") && event.data.key?.public) $("sign-code").textContent = await codeOf(await keyIDOf(event.data.key));
  }

  // similar asks whether something like it is registered; it is no reason not to sign.
  async function similar(event) {
    if (form !== "publiser" || $("not-similar").checked) return false;
    let answer;
    try {
      answer = await post("/api/v1/innovations/similar?limit=5", JSON.stringify(event.data));
    } catch {
      return false;
    }
    if (!answer.ok) return false;
    const likely = (await answer.json()).items.filter((i) => i.likely);
    if (likely.length === 0) return false;
    $("sign-similar").querySelector("ul").replaceChildren(...likely.map((i) => {
      const [item, a] = [document.createElement("li"), document.createElement("a")];
      a.href = `${$("sign-similar").dataset.to}${i.innovation}`;
      a.textContent = Object.values(i.title)[0];
      item.append(a);
      return item;
    }));
    $("sign-similar").hidden = false;
    $("similar-heading").focus();
    return true;
  }

  $("sign-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    clear();
    await files?.ready(); // what was chosen last is being read
    const { event, lacking } = read();
    if (lacking.length > 0) {
      fail(...lacking.map((pointer) => ({ code: "lacking", detail: "", pointer })));
      return;
    }
    if (await similar(event)) return;
    remembered.set("by", by.value);
    for (const name of ["extent", "form", "funding"]) if (type === "adoption.confirmed") remembered.set(name, event.data[name]);
    await work.submit(passkeys());
  });

  if (!by.value && remembered.get("by")) by.value = remembered.get("by");
  if (by.selectedIndex < 0) by.value = "";
  if (type === "adoption.confirmed") {
    for (const name of ["extent", "form", "funding"]) {
      const values = [remembered.get(name) ?? []].flat();
      if (values.length === 0) continue;
      for (const i of page.querySelectorAll(`[data-field="${name}"] input`)) i.checked = values.includes(i.value);
    }
  }
  const mine = page.querySelector("#originator-0");
  if (mine && !mine.value && by.value) mine.value = by.value;
  for (const d of page.querySelectorAll('input[type="date"]')) if (!d.value && ["in_use_from", "ended_on"].includes(d.closest("[data-field]").dataset.field)) d.value = new Date().toISOString().slice(0, 10);
  by.addEventListener("change", () => { if (mine && !mine.value) mine.value = by.value; });
  $("sign-form").addEventListener("input", refresh);
  $("sign-form").addEventListener("change", refresh);
  begin(page);
  refresh();
}

// keyIDOf is the id of a key as it is enrolled.
const keyIDOf = async ({ scheme, public: bytes }) => toBase64URL(await sha256(utf8(`${scheme}\n`), fromBase64(bytes)));

// codeOf is the short code that two people compare, of a key's id.
async function codeOf(keyid) {
  const hash = await sha256(utf8(`spredning key code\n${keyid}`));
  let bits = 0n;
  for (const b of hash.slice(0, 7)) bits = bits * 256n + BigInt(b);
  bits >>= 6n; // the first 50 of 56
  let code = "";
  for (let k = 0; k < 10; k++, bits >>= 5n) code = crockford[Number(bits & 31n)] + code;
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}

// startDraft runs the page of an event that waits for signatures.
async function startDraft(page) {
  const $ = (id) => document.getElementById(id);
  const by = $("by");
  begin(page);
  const state = (name) => { for (const e of page.querySelectorAll("[data-state-is]")) e.hidden = e.dataset.stateIs !== name; };
  const work = signer({ fail: showProblems });
  $("sign-shown").hidden = true;
  let draft;
  try {
    const answer = await fetch(`/api/v1/drafts/${page.dataset.hash}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    draft = await answer.json();
  } catch {
    state("absent");
    return;
  }
  const envelope = JSON.parse(draft.envelope);
  const payload = fromBase64(envelope.payload);
  // The address names the bytes; whoever keeps them could give others.
  if (!payload || envelope.payloadType !== payloadType || toHex(await sha256(payload)) !== page.dataset.hash) {
    state("other");
    return;
  }
  const { attachments } = work.show(payload).data;
  $("sign-shown").hidden = false;
  $("sign-button").hidden = true;
  const names = (all) => all.map((o) => word(`organisation.${o}`) ?? o).join(", ");
  $("draft-signed").textContent = names(draft.signed.map((s) => s.organisation));
  $("draft-missing").textContent = names((draft.missing?.organisations ?? []).map((o) => o.orgnr));
  if (draft.index !== undefined) {
    $("draft-entry").href = `/api/v1/events/${draft.index}`;
    $("draft-entry").textContent = `${word("label.entry")} ${draft.index}`;
    state("whole");
    if (attachments) supplying(draft.index, attachments);
    return;
  }
  if (draft.refusal) {
    showProblems(draft.refusal);
    state("refused");
    return;
  }
  state("waits");
  $("draft-files").hidden = !attachments;
  $("sign-button").hidden = false;
  const missing = (draft.missing?.organisations ?? []).map((o) => o.orgnr);
  if (missing.includes(remembered.get("by")) || missing.length === 0) by.value = remembered.get("by") ?? "";
  else if (missing.length === 1) [by.value] = missing;
  if (by.selectedIndex < 0) by.value = ""; // who must sign has no passkey
  $("sign-button").addEventListener("click", async () => {
    $("sign-errors").hidden = true;
    if (!by.value) {
      showProblems({ code: "lacking", detail: word("sign.by"), pointer: "/by" });
      by.focus();
      return;
    }
    remembered.set("by", by.value);
    await work.submit(JSON.parse(by.selectedOptions[0].dataset.keys), envelope.signatures);
  });
}

// startEnrolling runs the page where an invitation becomes a passkey.
async function startEnrolling(page) {
  const $ = (id) => document.getElementById(id);
  begin(page);
  const state = (name) => {
    for (const e of page.querySelectorAll("[data-state-is]")) e.hidden = e.dataset.stateIs !== name;
    const heading = page.querySelector(`[data-state-is="${name}"] h2`);
    heading?.focus();
  };
  const fill = (name, text) => { for (const e of page.querySelectorAll(`[data-fill="${name}"]`)) e.textContent = text; };
  const token = location.hash.slice(1);
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) {
    state("none");
    return;
  }
  let invitation;
  try {
    const answer = await post("/api/v1/invitations/open", JSON.stringify({ token }));
    if (!answer.ok) {
      const p = await problemOf(answer);
      if (p.code === "not_found") state("gone");
      else showProblems(p);
      return;
    }
    invitation = await answer.json();
  } catch (e) {
    showProblems({ code: "unavailable", detail: e.message });
    return;
  }
  fill("name", invitation.name);
  fill("label", invitation.label);
  fill("roles", invitation.roles.map((r) => word(`value.roles.${r}`) ?? r).join(", "));
  fill("expires", new Date(invitation.expires).toLocaleString(locales[document.documentElement.lang], { dateStyle: "long", timeStyle: "short", timeZone: "Europe/Oslo" }));
  if (invitation.used) {
    state("used");
    return;
  }
  state("open");
  $("enrol-button").addEventListener("click", async () => {
    $("sign-errors").hidden = true;
    $("enrol-button").disabled = true;
    try {
      let credential;
      try {
        if (!hasName()) throw new Unnamed();
        credential = await navigator.credentials.create({
          publicKey: {
            challenge: crypto.getRandomValues(new Uint8Array(32)),
            rp: { id: location.hostname, name: page.dataset.ledger },
            user: { id: crypto.getRandomValues(new Uint8Array(16)), name: `${invitation.label}, ${invitation.name}`, displayName: `${invitation.label}, ${invitation.name}` },
            pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
            authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
            attestation: "none", timeout: 120000,
          },
        });
      } catch (e) {
        showProblems({ code: codeOfError(e), detail: e.message });
        return;
      }
      const bytes = publicOf(credential);
      if (!bytes) {
        showProblems({ code: "no_webauthn", detail: "" });
        return;
      }
      const answer = await post("/api/v1/invitations/use", JSON.stringify({ token, public: toBase64(bytes) }));
      if (!answer.ok) {
        showProblems(await problemOf(answer));
        return;
      }
      const waiting = await answer.json();
      const keyid = await keyIDOf({ scheme: "webauthn", public: toBase64(bytes) });
      fill("code", await codeOf(keyid)); // made here, so that no other key can be put in its place
      if (keyid !== waiting.keyid) {
        showProblems({ code: "bad_receipt", detail: "" });
        return;
      }
      remembered.set("by", invitation.organisation);
      history.replaceState(null, "", location.pathname);
      state("waits");
    } catch (e) {
      showProblems({ code: "unavailable", detail: e.message });
    } finally {
      $("enrol-button").disabled = false;
    }
  });
}

// startInviting runs the form that makes a one-time invitation to a passkey.
function startInviting(page) {
  const $ = (id) => document.getElementById(id);
  begin(page);
  $("invite-button").addEventListener("click", async () => {
    $("sign-errors").hidden = true;
    const label = $("invite-label").value.normalize("NFC").trim();
    const roles = Array.from(page.querySelectorAll("[name=roles]:checked"), (r) => r.value);
    const passkeys = JSON.parse($("by").selectedOptions[0]?.dataset.keys ?? "[]");
    if (!label || roles.length === 0) {
      showProblems({ code: "lacking", detail: label ? word("label.roles") : word("label.label") });
      return;
    }
    if (passkeys.length === 0) {
      showProblems({ code: "no_passkey", detail: "" });
      return;
    }
    $("invite-button").disabled = true;
    try {
      const token = toBase64URL(crypto.getRandomValues(new Uint8Array(32)));
      const request = JSON.stringify({
        ledger: page.dataset.ledger, organisation: page.dataset.organisation, roles, label,
        token_sha256: toHex(await sha256(utf8(token))), at: `${new Date().toISOString().slice(0, 19)}Z`,
      });
      let signature;
      try {
        signature = await signWith(passkeys, paeOf("application/vnd.spredning.invitation.v1+json", utf8(request)));
      } catch (e) {
        showProblems({ code: codeOfError(e), detail: e.message });
        return;
      }
      const answer = await post("/api/v1/invitations", JSON.stringify({ request, ...signature }));
      if (!answer.ok) {
        showProblems(await problemOf(answer));
        return;
      }
      $("invite-link").value = `${location.origin}${page.dataset.to}#${token}`;
      $("invite-done").hidden = false;
      $("invite-heading").focus();
    } catch (e) {
      showProblems({ code: "unavailable", detail: e.message });
    } finally {
      $("invite-button").disabled = false;
    }
  });
}

const invitePage = globalThis.document?.getElementById("invite-form");
if (invitePage) startInviting(invitePage);
const draftPage = globalThis.document?.getElementById("draft");
if (draftPage) startDraft(draftPage);
const enrolPage = globalThis.document?.getElementById("enrol");
if (enrolPage) startEnrolling(enrolPage);

const supplyPage = globalThis.document?.getElementById("supply");
if (supplyPage) startSupplying(supplyPage);
const signPage = globalThis.document?.getElementById("sign");
if (signPage) startSigning(signPage);
