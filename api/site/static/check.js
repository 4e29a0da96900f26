// Checks a receipt in the browser, with WebCrypto alone and without asking any server.
// What each step says stands in the page; a step that fails names its fault by the keys
// that the page has them under.
"use strict";

class Fault extends Error {} // its message is the fault's key

const fault = (key) => { throw new Fault(key); };

const utf8 = (text) => new TextEncoder().encode(text);

function concat(...parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

const equal = (a, b) => a.length === b.length && a.every((byte, k) => byte === b[k]);

function toBase64(bytes) {
  let binary = "";
  for (const b of bytes) binary += String.fromCharCode(b);
  return btoa(binary);
}

// fromBase64 decodes the one spelling: standard, padded, no bits left over. Null for another.
function fromBase64(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

const toBase64URL = (bytes) => toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));

const fromHex = (text) => Uint8Array.from(text.match(/../g), (b) => parseInt(b, 16));

const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

async function signedBy(publicKey, message, signature) {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch {
    return false; // bytes that are no key
  }
}

// capable tells whether this browser can check Ed25519 signatures: with the first test of RFC 8032, 7.1.
async function capable() {
  return !!globalThis.crypto?.subtle && signedBy(
    fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), new Uint8Array(),
    fromHex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"));
}

// takeParts reads bytes that each stand after their number, which has as many bytes as
// sizes say. Null if they are not whole; the rest is the last part.
function takeParts(bytes, sizes) {
  const parts = [];
  let at = 0;
  const number = (size) => {
    let n = 0;
    for (let k = 0; k < size; k++) n = n * 256 + bytes[at + k];
    at += size;
    return at <= bytes.length ? n : NaN;
  };
  for (const size of sizes) {
    const end = number(size) + at;
    if (!(end <= bytes.length)) return null;
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return [...parts, bytes.subarray(at)];
}

// fromDER gives the 64 bytes that WebCrypto wants of an ECDSA signature. Null for what is none.
function fromDER(sig) {
  const both = sig[0] === 0x30 && sig[1] === sig.length - 2 ? sig.subarray(2) : null;
  const out = new Uint8Array(64);
  let at = 0;
  for (const end of [32, 64]) {
    if (both?.[at] !== 2) return null;
    const n = both[at + 1];
    const whole = both.subarray(at + 2, at + 2 + n);
    const positive = whole[0] < 0x80 && (whole[0] !== 0 || whole[1] >= 0x80);
    const digits = whole[0] === 0 ? whole.subarray(1) : whole;
    if (n === 0 || whole.length !== n || !positive || digits.length > 32) return null;
    out.set(digits, end - digits.length);
    at += 2 + n;
  }
  return at === both.length ? out : null;
}

// signedByPasskey checks a signature of scheme webauthn (docs/passkeys.md).
async function signedByPasskey(publicBytes, message, signature) {
  const key = takeParts(publicBytes, [2, 2, 1]);
  const assertion = takeParts(signature, [2, 2]);
  if (!key || !assertion) return false;
  const [cose, , rpID, rest] = key;
  const [data, clientData, sig] = assertion;
  const origins = takeParts(rest.subarray(1), Array(rest[0] ?? 0).fill(2));
  if (!origins || origins.pop().length > 0) return false;
  const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  let said;
  try {
    said = JSON.parse(text(clientData));
  } catch {
    return false;
  }
  const challenge = toBase64URL(await sha256(message));
  if (!isObject(said) || said.type !== "webauthn.get" || said.challenge !== challenge || !origins.map(text).includes(said.origin)) return false;
  if (said.crossOrigin || said.topOrigin !== undefined) return false;
  const flags = data[32];
  if (data.length < 37 || !equal(data.subarray(0, 32), await sha256(rpID)) || (flags & 5) !== 5) return false;
  if ((flags & 0x18) === 0x10 || flags & 0x40 || data.length > 37 !== Boolean(flags & 0x80)) return false;
  const signed = concat(data, await sha256(clientData));
  const hex = toHex(cose);
  if (cose.length === 42 && hex.startsWith("a4010103272006215820")) return sig.length === 64 && signedBy(cose.subarray(10), signed, sig);
  if (cose.length !== 77 || !hex.startsWith("a5010203262001215820") || !hex.startsWith("225820", 84)) return false;
  try {
    const point = concat(Uint8Array.of(4), cose.subarray(10, 42), cose.subarray(45));
    const p256 = await crypto.subtle.importKey("raw", point, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    const raw = fromDER(sig);
    return !!raw && await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, p256, raw, signed);
  } catch {
    return false; // bytes that are no key
  }
}

const schemes = { ed25519: signedBy, webauthn: signedByPasskey };

const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);

const hasExactly = (v, names) => isObject(v) && Object.keys(v).length === names.length && names.every((n) => Object.hasOwn(v, n));

// readForm reads a receipt of the ledger (DESIGN 7).
function readForm(text) {
  let r;
  try {
    r = JSON.parse(text);
  } catch {
    fault(text.startsWith("c2sp.org/tlog-proof") ? "form.tlog" : "form.json");
  }
  if (!hasExactly(r, ["ledger", "index", "leaf", "entry", "keys", "proof", "checkpoint"])) fault("form.fields");
  const texts = [r.ledger, r.leaf, r.entry, r.checkpoint];
  if (!texts.every((t) => typeof t === "string") || !Number.isSafeInteger(r.index) || r.index < 0) fault("form.fields");
  if (!Array.isArray(r.keys) || !r.keys.every((k) => hasExactly(k, ["scheme", "public"]))) fault("form.fields");
  r.publics = r.keys.map((k) => fromBase64(k.public) ?? fault("form.fields"));
  if (!Array.isArray(r.proof)) fault("form.fields");
  r.hashes = r.proof.map((p) => fromBase64(p) ?? fault("form.fields"));
  if (!r.hashes.every((h) => h.length === 32)) fault("form.fields");
  return r;
}

const payloadType = "application/vnd.spredning.event.v1+json";

// readEvent reads the entry, a DSSE envelope in its one form, and the event in it.
function readEvent(r) {
  let e;
  try {
    e = JSON.parse(r.entry);
  } catch {
    fault("event.envelope");
  }
  if (!hasExactly(e, ["payload", "payloadType", "signatures"]) || e.payloadType !== payloadType) fault("event.envelope");
  if (!Array.isArray(e.signatures) || e.signatures.length === 0 || !e.signatures.every((s) => hasExactly(s, ["keyid", "sig"]))) fault("event.envelope");
  const again = { payload: e.payload, payloadType, signatures: e.signatures.map((s) => ({ keyid: s.keyid, sig: s.sig })) };
  if (JSON.stringify(again) !== r.entry) fault("event.envelope");
  const payload = fromBase64(e.payload) ?? fault("event.envelope");
  const signatures = e.signatures.map((s) => ({ keyid: s.keyid, sig: fromBase64(s.sig) ?? fault("event.envelope") }));
  let event;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    fault("event.payload");
  }
  if (!hasExactly(event, ["ledger", "id", "type", "by", "at", "data"])) fault("event.payload");
  if (event.ledger !== r.ledger) fault("event.ledger");
  return { event, payload, signatures };
}

// checkSignatures checks each signature over DSSE's pre-authentication encoding, with the
// key whose id it names.
async function checkSignatures(r, { payload, signatures }) {
  if (r.keys.length !== signatures.length) fault("signatures.count");
  const message = concat(utf8(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload);
  const ids = [];
  for (const [k, s] of signatures.entries()) {
    const { scheme } = r.keys[k];
    if (!Object.hasOwn(schemes, scheme)) fault("signatures.scheme");
    const id = toBase64URL(await sha256(utf8(scheme + "\n"), r.publics[k]));
    if (id !== s.keyid) fault("signatures.key");
    if (!await schemes[scheme](r.publics[k], message, s.sig)) fault("signatures.wrong");
    ids.push(id);
  }
  return ids;
}

const leafHash = (entry) => sha256(Uint8Array.of(0), utf8(entry));
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

// readCheckpoint reads a checkpoint (c2sp.org/tlog-checkpoint) as a signed note
// (c2sp.org/signed-note), each in its one spelling.
function readCheckpoint(note) {
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n") || /[\x00-\x09\x0b-\x1f]/.test(note)) fault("place.form");
  const text = note.slice(0, at + 1);
  const [, origin, size, hash] = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n$/.exec(text) ?? fault("place.form");
  const root = fromBase64(hash);
  if (root?.length !== 32 || !Number.isSafeInteger(Number(size))) fault("place.form");
  const lines = note.slice(at + 2).split("\n").slice(0, -1);
  if (lines.length === 0) fault("place.form");
  const signatures = lines.map((line) => {
    const [, name, sig] = /^\u2014 ([^ +]+) ([^ ]+)$/.exec(line) ?? fault("place.form");
    const bytes = fromBase64(sig);
    if (!bytes || bytes.length < 5) fault("place.form");
    return { name, hash: bytes.slice(0, 4), sig: bytes.slice(4) };
  });
  return { text, origin, size: Number(size), root, signatures };
}

// checkPlace leads from the entry to the root (RFC 9162, 2.1.3.2).
async function checkPlace(r, checkpoint) {
  let hash = await leafHash(r.entry);
  if (toHex(hash) !== r.leaf) fault("place.leaf");
  if (r.index >= checkpoint.size) fault("place.index");
  let at = r.index;
  let last = checkpoint.size - 1;
  for (const other of r.hashes) {
    if (last === 0) fault("place.proof");
    if (at % 2 === 1 || at === last) {
      hash = await nodeHash(other, hash);
      while (at % 2 === 0 && at !== 0) {
        at /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, other);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0 || !equal(hash, checkpoint.root)) fault("place.proof");
}

// readVerifierKey reads NAME+HASH+KEY. Null for what is none.
async function readVerifierKey(vkey) {
  const [, name, hash, key] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey.trim()) ?? [];
  const bytes = fromBase64(key);
  if (bytes?.length !== 33 || ![1, 4].includes(bytes[0])) return null;
  const id = (await sha256(utf8(name + "\n"), bytes)).slice(0, 4);
  return toHex(id) === hash ? { name, id, algorithm: bytes[0], public: bytes.slice(1) } : null;
}

const of = (key) => (s) => s.name === key.name && equal(s.hash, key.id);

// checkLog checks that the log signed the checkpoint with the key for trees of that size.
async function checkLog(r, checkpoint, logKeys) {
  if (checkpoint.origin !== r.ledger) fault("checkpoint.origin");
  const key = await readVerifierKey(logKeys.findLast((k) => k.from <= checkpoint.size)?.key ?? "");
  if (key?.algorithm !== 1) fault("checkpoint.nokey");
  if (key.name !== r.ledger) fault("checkpoint.otherkey");
  const line = checkpoint.signatures.find(of(key)) ?? fault("checkpoint.unsigned");
  if (!await signedBy(key.public, utf8(checkpoint.text), line.sig)) fault("checkpoint.wrong");
}

// checkWitnesses gives the names of those who have cosigned (c2sp.org/tlog-cosignature), with
// the time of each in seconds, and of those whose cosignature cannot be checked.
async function checkWitnesses(checkpoint, vkeys) {
  const by = [];
  const checked = new Set(checkpoint.signatures.filter((s) => s.name === checkpoint.origin));
  for (const vkey of vkeys) {
    const key = await readVerifierKey(vkey);
    if (key?.algorithm !== 4) fault("witnesses.key");
    for (const s of checkpoint.signatures.filter(of(key))) {
      if (s.sig.length !== 72) fault("witnesses.wrong");
      const seconds = Number(new DataView(s.sig.buffer, s.sig.byteOffset).getBigUint64(0));
      const message = utf8(`cosignature/v1\ntime ${seconds}\n${checkpoint.text}`);
      if (!await signedBy(key.public, message, s.sig.slice(8))) fault("witnesses.wrong");
      by.push({ name: s.name, seconds });
      checked.add(s);
    }
  }
  return { by, unknown: checkpoint.signatures.filter((s) => !checked.has(s)).map((s) => s.name) };
}

// checkReceipt goes through the steps in order and tells done of each: its name, and the
// fault's key or nothing. It gives what the receipt says, or null if a step failed.
//
// logKeys are {key, from}, in order; witnesses verifier keys.
async function checkReceipt(text, { logKeys, witnesses }, done = () => {}) {
  const said = {};
  const steps = [
    ["form", () => { said.receipt = readForm(text.trim()); }],
    ["event", () => { said.entry = readEvent(said.receipt); }],
    ["signatures", async () => { said.signers = await checkSignatures(said.receipt, said.entry); }],
    ["place", async () => { await checkPlace(said.receipt, said.checkpoint = readCheckpoint(said.receipt.checkpoint)); }],
    ["checkpoint", () => checkLog(said.receipt, said.checkpoint, logKeys)],
    ["witnesses", async () => { said.witnessed = await checkWitnesses(said.checkpoint, witnesses); }],
  ];
  for (const [name, check] of steps) {
    try {
      await check();
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      done(name, e.message, said);
      return null;
    }
    done(name, null, said);
  }
  return said;
}

// From here on: the page.

function startChecking(page) {
  const $ = (id) => document.getElementById(id);
  const result = $("check-result");
  const most = 1 << 20; // bytes of a receipt
  let turn = 0;
  // Few browsers know nynorsk; its dates and numbers are as in bokmål.
  const locale = { nb: "nb", nn: "nb", en: "en-GB" }[document.documentElement.lang];

  const own = (id) => $(id).value.split("\n").map((k) => k.trim()).filter(Boolean);
  const trusted = () => ({
    logKeys: own("own-log-key").length > 0 ? own("own-log-key").map((key) => ({ key, from: 0 })) :
      Array.from(document.querySelectorAll("[data-log-key]"), (k) => ({ key: k.dataset.logKey, from: Number(k.dataset.from) })),
    witnesses: [...new Set([...Array.from(document.querySelectorAll("[data-witness]"), (w) => w.dataset.witness), ...own("own-witnesses")])],
  });

  const fill = (name, text) => { for (const e of result.querySelectorAll(`[data-fill="${name}"]`)) e.textContent = text; };
  const show = (selector, shown) => { for (const e of result.querySelectorAll(selector)) e.hidden = !shown; };

  // link lists things, each a link to its page.
  function link(name, all) {
    for (const e of result.querySelectorAll(`[data-link="${name}"]`)) {
      e.replaceChildren(...all.flatMap((text, k) => {
        const a = document.createElement("a");
        a.href = e.dataset.to + encodeURIComponent(text);
        a.textContent = text;
        return k ? [", ", a] : [a];
      }));
    }
  }

  function conclude(verdict) {
    show('[data-verdict="waiting"]', false);
    show(`[data-verdict="${verdict}"]`, true);
    $("check-heading").focus();
  }

  function clear() {
    show("[data-fault], [data-verdict], [data-only], [data-type]", false);
    show('[data-verdict="waiting"]', true);
    for (const step of result.querySelectorAll("[data-step]")) step.dataset.state = "waiting";
    result.hidden = false;
  }

  function done(name, failed, said) {
    const step = result.querySelector(`[data-step="${name}"]`);
    step.dataset.state = failed ? "bad" : said.witnessed?.by.length === 0 ? "none" : "good";
    if (failed) show(`[data-fault="${failed}"]`, true);
    if (said.receipt) {
      fill("index", said.receipt.index.toLocaleString(locale));
      fill("ledger", said.receipt.ledger);
    }
    if (said.checkpoint) fill("size", said.checkpoint.size.toLocaleString(locale));
  }

  function tell(said) {
    const { event, signatures } = said.entry;
    show(`[data-type="${CSS.escape(event.type)}"]`, true);
    link("by", [event.by]);
    fill("at", new Date(event.at).toLocaleString(locale, { timeZone: "Europe/Oslo", dateStyle: "long", timeStyle: "short" }));
    fill("event", JSON.stringify(event, null, 2));
    link("keys", signatures.map((s) => s.keyid));
    fill("witnesses", said.witnessed.by.map((w) => w.name).join(", "));
    fill("unknown", said.witnessed.unknown.join(", "));
    show('[data-only="witnessed"]', said.witnessed.by.length > 0);
    show('[data-only="unwitnessed"]', said.witnessed.by.length === 0);
    show('[data-only="unknown"]', said.witnessed.unknown.length > 0);
    show('[data-only="said"]', true);
  }

  async function check(text, name) {
    const mine = ++turn;
    clear();
    fill("file", name);
    if (!await capable()) {
      conclude("incapable");
      return;
    }
    const said = await checkReceipt(text, trusted(), (...step) => { if (mine === turn) done(...step); });
    if (mine !== turn) return;
    if (said) tell(said);
    conclude(said ? "good" : "bad");
  }

  async function file(f) {
    if (f) await check(f.size > most ? "" : await f.text(), f.name);
  }

  async function entry(index) {
    try {
      const answer = await fetch(`/api/v1/events/${index}/receipt`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      await check(await answer.text(), "");
    } catch {
      clear();
      fill("file", "");
      conclude("absent");
    }
  }

  $("receipt-file").addEventListener("change", (e) => { file(e.target.files[0]); e.target.value = ""; });
  const drop = $("receipt-drop");
  for (const type of ["dragover", "dragenter"]) {
    page.addEventListener(type, (e) => { e.preventDefault(); drop.classList.add("over"); });
  }
  page.addEventListener("dragleave", () => drop.classList.remove("over"));
  page.addEventListener("drop", (e) => {
    e.preventDefault();
    drop.classList.remove("over");
    file(e.dataTransfer.files[0]);
  });
  $("receipt-paste").addEventListener("submit", (e) => {
    e.preventDefault();
    check($("receipt-text").value, "");
  });
  $("receipt-form").addEventListener("submit", (e) => {
    e.preventDefault();
    entry(Number($("receipt-index").value));
    history.replaceState(null, "", `?post=${Number($("receipt-index").value)}`);
  });
  for (const e of page.querySelectorAll("[data-scripted]")) e.hidden = false;
  for (const e of page.querySelectorAll("[data-unscripted]")) e.hidden = true;
  if (page.dataset.entry) entry(Number(page.dataset.entry));
}

const checkPage = globalThis.document?.getElementById("check");
if (checkPage) startChecking(checkPage);
