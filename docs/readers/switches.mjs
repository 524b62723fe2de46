// The switches of a service, followed by every rule of README.md, on Node's standard library alone: copy it.
//
//   const switches = new SwitchReader({ service: "checkout", region: "us-east", directory: "/var/lib/checkout" });
//   await switches.start();
//   switches.on("change", ({ revision, names }) => …);
//   if (switches.value("recommendations", true, userId)) …
//   response.setHeader("Controlplane-Applied", switches.appliedHeader());   // on every health response
//
// Run, it prints the values for who names no unit as one line of JSON, now, at every change and every expiry:
//   node switches.mjs controlplane/switches/checkout [region]
// With PORT it serves them, and the acknowledgement, on 127.0.0.1; with READER_DIRECTORY it keeps the last document.
import { EventEmitter } from "node:events";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const WAIT_SECONDS = 30;
const TIMEOUT_MS = 40_000; // above 17/16 of the wait plus 8 s
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const BURST = 3;
const REFILL_MS = 500; // with the burst: at most five requests in any second
const STALE_AFTER_MS = 5_000; // without an answer since a failure
const SILENT_AFTER_MS = 45_000; // without any answer
const EXPIRY_CHECK_MS = 10_000; // how late an expiry may be told after the clock was set
const DOCUMENT_BYTES_MAX = 128 * 1024;
const ANSWER_BYTES_MAX = 1024 * 1024;
const VALUE_BYTES_MAX = 4096;
const VALUE_DEPTH_MAX = 32;
const ERROR_BYTES_MAX = 200;
const REVISION_LIMIT = 1e12;

// ── shares of units, checksums ──

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

/** Which of the hundred shares a unit falls into; the same in every language. */
export const bucket = (service, name, unit) => crc32(Buffer.from(`${service}/${name}/${unit}`)) % 100;

/** The `sum` of an acknowledgement. */
export const checksum = (bytes) => crc32(bytes).toString(16).padStart(8, "0");

// ── reading a document ──

const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const STATES = ["normal", "degraded", "forced_normal", "retired"];
const KINDS = ["flip", "expiry", "apply", "playbook", "trigger", "ramp", "rollback", "repair"];
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const HALF_A_CHARACTER = /(?<!\\)(?:\\\\)*\\ud[89a-f]/; // as JSON.stringify writes it
function isText(value) {
  const text = JSON.stringify(value);
  return Buffer.byteLength(text) <= VALUE_BYTES_MAX && !HALF_A_CHARACTER.test(text);
}
const depth = (value) =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
const isFinite = (value) =>
  typeof value === "number"
    ? Number.isFinite(value)
    : typeof value !== "object" || value === null || Object.values(value).every(isFinite);

// Numbers of this language do not tell 1.0 from 1, and are exact up to 2^53: a larger int is refused.
const FITS = {
  bool: (value) => typeof value === "boolean",
  int: Number.isSafeInteger,
  float: Number.isFinite,
  string: (value) => typeof value === "string" && isText(value),
  json: (value) => value !== undefined && depth(value) <= VALUE_DEPTH_MAX && isFinite(value) && isText(value),
};

function demand(holds, message) {
  if (!holds) throw new Error(message);
}

function decoded(bytes) {
  demand(bytes.length <= DOCUMENT_BYTES_MAX, `${bytes.length} bytes, at most ${DOCUMENT_BYTES_MAX} are allowed`);
  let document;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new Error(`not JSON: ${error.message}`);
  }
  demand(isObject(document), "a JSON object is wanted");
  return document;
}

function checkTime(at) {
  if (at === null || at === undefined) return;
  const year = typeof at === "string" && TIME.test(at) ? new Date(at).getUTCFullYear() : NaN;
  demand(year >= 1 && year <= 9999, "expires_at is no RFC 3339 time");
}

function checkEntry(entry) {
  demand(isObject(entry), "an object is wanted");
  demand(Object.hasOwn(FITS, entry.type), `type ${entry.type} is not known`);
  const { percent = 100, regions = {} } = entry;
  demand(Number.isSafeInteger(percent) && percent >= 0 && percent <= 100, `percent is ${percent}, allowed is 0 to 100`);
  demand(isObject(regions) && Object.keys(regions).every((region) => NAME.test(region)), "regions are named wrongly");
  demand(FITS[entry.type](entry.normal), `normal is not a ${entry.type}`);
  for (const one of [entry, ...Object.values(regions)]) {
    demand(isObject(one) && STATES.includes(one.state), "the state is not known");
    demand(FITS[entry.type](one.value), `value is not a ${entry.type}`);
    checkTime(one.expires_at);
  }
}

/** A switch document of this service; throws, saying what is wrong. */
export function parse(bytes, service) {
  const document = decoded(bytes);
  const { schema, revision, change, switches } = document;
  demand(schema === "controlplane.switches/1", `schema is ${schema}, this program reads controlplane.switches/1`);
  demand(Number.isSafeInteger(revision) && revision >= 1 && revision < REVISION_LIMIT, `revision is ${revision}`);
  demand(document.service === service, `this is the document of ${document.service}, not of ${service}`);
  demand(isObject(change) && KINDS.includes(change.kind), "the kind of change is not known");
  demand(["id", "by", "reason", "at"].every((name) => typeof change[name] === "string"), "the change is incomplete");
  demand(["string", "undefined"].includes(typeof (change.playbook ?? undefined)), "the playbook is no text");
  demand(isObject(switches), "there are no switches");
  for (const [name, entry] of Object.entries(switches)) {
    demand(NAME.test(name), `${name} is no name`);
    try {
      checkEntry(entry);
    } catch (error) {
      throw new Error(`${name}: ${error.message}`);
    }
  }
  return document;
}

/** What becomes of bytes: `{document}` to apply, `{observed, err}` to refuse, or undefined. A stale read may lag. */
export function judge(held, bytes, service, stale = false) {
  if (held?.bytes.equals(bytes)) return undefined;
  let document;
  try {
    document = parse(bytes, service);
  } catch (error) {
    return { observed: claimedRevision(bytes), err: error.message };
  }
  if (!held || document.revision > held.document.revision) return { document };
  if (stale && document.revision < held.document.revision) return undefined;
  return { observed: document.revision, err: "revision went back" };
}

function claimedRevision(bytes) {
  try {
    const { revision } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return Number.isSafeInteger(revision) && revision >= 0 && revision < REVISION_LIMIT ? revision : undefined;
  } catch {
    return undefined;
  }
}

// ── what a document is worth ──

/** One document in one region, by one clock: an expiry that was once seen to pass has passed for good. */
export class Switches {
  #passed = new Set();

  constructor(document, region, now = Date.now) {
    Object.assign(this, { document, region, now });
    this.expire();
  }

  has(name) {
    return Object.hasOwn(this.document.switches, name);
  }

  /** What a declared switch is worth now. */
  value(name, unit) {
    const entry = this.document.switches[name];
    const override = this.#override(entry);
    if (override && !this.#isOver(override.expires_at)) return override.value;
    if (this.#isOver(entry.expires_at)) return entry.normal;
    const { percent = 100 } = entry;
    if (entry.state === "degraded" && percent < 100) {
      const meant = unit !== undefined && bucket(this.document.service, name, unit) < percent;
      return meant ? entry.value : entry.normal;
    }
    return entry.value;
  }

  /** The switches with an expiry that has passed since this was last asked. */
  expire() {
    const due = this.#expiries().filter(([, at]) => !this.#passed.has(at) && this.now() >= Date.parse(at));
    for (const [, at] of due) this.#passed.add(at);
    return [...new Set(due.map(([name]) => name))].sort();
  }

  /** Milliseconds until the next expiry; Infinity: none. */
  untilExpiry() {
    const coming = this.#expiries().filter(([, at]) => !this.#passed.has(at));
    return Math.min(...coming.map(([, at]) => Date.parse(at) - this.now()));
  }

  #override(entry) {
    const { regions = {} } = entry;
    return this.region !== undefined && Object.hasOwn(regions, this.region) ? regions[this.region] : undefined;
  }

  #expiries() {
    return Object.entries(this.document.switches).flatMap(([name, entry]) =>
      [entry.expires_at, this.#override(entry)?.expires_at].filter(Boolean).map((at) => [name, at]),
    );
  }

  #isOver(at) {
    if (!at) return false;
    if (this.now() >= Date.parse(at)) this.#passed.add(at);
    return this.#passed.has(at);
  }
}

// ── the header ──

/** What of an error may be said: 200 bytes, whole characters. */
export function shorten(text) {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, ERROR_BYTES_MAX);
  while (end < bytes.length && (bytes[end] & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

const escaped = (byte) =>
  byte < 0x20 || byte > 0x7e || byte === 0x25 || byte === 0x22
    ? `%${byte.toString(16).padStart(2, "0")}`
    : String.fromCharCode(byte);

/** One member of the header. */
export function member({ kind, name, revision, sum, state, src, observed, err }) {
  let text = `${kind}.${name}=${revision}${sum ? `;sum="${sum}"` : ""};state=${state};src=${src}`;
  if (observed !== undefined && observed !== null) text += `;observed=${observed}`;
  return err ? `${text};err=%"${[...Buffer.from(err)].map(escaped).join("")}"` : text;
}

// ── following ──

class NoLeader extends Error {}
class ConnectionReplaced extends Error {} // nothing was sent

/** Follows the switches of one service; emits `change` with `{revision, names}`, and `warning` with a sentence. */
export class SwitchReader extends EventEmitter {
  #held; // {document, bytes, switches, src}: what is in force
  #said = {}; // {held, refusal, absent}: what is acknowledged
  #stopping = new AbortController();
  #following;
  #timer;
  #failures = 0;
  #due = 0;
  #answeredAt;
  #failingSince;

  constructor({ service, region, directory, address, token, prefix = "controlplane/" }) {
    super();
    const { CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN } = process.env;
    const where = address || CONSUL_HTTP_ADDR || "127.0.0.1:8500";
    this.url = new URL(where.includes("://") ? where : `http://${where}`);
    Object.assign(this, { service, region, token: token || CONSUL_HTTP_TOKEN, key: `${prefix}switches/${service}` });
    this.file = directory && join(directory, `switches.${service}.json`);
    this.http = this.url.protocol === "https:" ? https : http;
    this.agent = new this.http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** Serves from the last-known-good file as soon as this resolves, and follows from then on. */
  async start() {
    await this.#startFromFile();
    this.#following = this.#follow().catch((error) => {
      if (!this.#stopping.signal.aborted) throw error;
    });
  }

  async stop() {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    this.agent.destroy();
    await this.#following;
  }

  /** What a switch is worth here and now; the fallback where that is not known. */
  value(name, fallback, unit) {
    return this.#held?.switches.has(name) ? this.#held.switches.value(name, unit) : fallback;
  }

  /** All values for who names no unit. */
  values() {
    const names = Object.keys(this.#held?.document.switches ?? {});
    return Object.fromEntries(names.map((name) => [name, this.value(name)]));
  }

  appliedHeader() {
    const { held, refusal, absent } = this.#said;
    return member({
      kind: "switches",
      name: this.service,
      revision: held?.document.revision ?? 0,
      sum: held && checksum(held.bytes),
      state: refusal ? "nack" : this.#isStale() ? "stale" : absent ? "absent" : "ok",
      src: held?.src ?? "default",
      observed: refusal?.observed,
      err: refusal && shorten(refusal.err),
    });
  }

  async #follow() {
    let index;
    while (!this.#stopping.signal.aborted) {
      await this.#pace();
      try {
        const answer = await this.#askAgain(index);
        this.#failures = 0;
        await this.#take(answer);
        index = answer.index < (index ?? 0) ? undefined : answer.index; // lower: Consul went back
      } catch (error) {
        index = undefined;
        await this.#endure(error);
      }
    }
  }

  async #askAgain(index) {
    try {
      return await this.#ask(index);
    } catch (error) {
      if (error instanceof ConnectionReplaced) return this.#ask();
      throw error;
    }
  }

  async #endure(error) {
    if (this.#stopping.signal.aborted) return;
    if (this.#failingSince === undefined) this.emit("warning", `Consul: ${error.message}; what is in force stays`);
    this.#failingSince ??= performance.now();
    if (error instanceof NoLeader) await this.#askAnyServer();
    const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures++, 16));
    await this.#sleep(bound * Math.random());
  }

  async #askAnyServer() {
    await this.#pace();
    try {
      await this.#take({ ...(await this.#ask(undefined, true)), leader: false });
    } catch {
      // The failure before this one was told.
    }
  }

  async #take({ bytes, leader }) {
    this.#answeredAt = leader ? performance.now() : undefined;
    if (leader) this.#failingSince = undefined;
    if (!bytes) {
      this.#said = { held: this.#said.held, absent: true };
      return;
    }
    const judged = judge(this.#held, bytes, this.service, !leader);
    if (judged?.document) await this.#apply(judged.document, bytes);
    else if (judged) this.#refuse(judged);
    else this.#confirm(bytes);
  }

  /** Swaps one reference, writes the file, acknowledges and tells, in this order. */
  async #apply(document, bytes) {
    const former = this.#held?.document.switches ?? {};
    this.#held = { document, bytes, switches: new Switches(document, this.region), src: "live" };
    await this.#keep(bytes);
    this.#said = { held: this.#held };
    const names = [...new Set([...Object.keys(former), ...Object.keys(document.switches)])].sort();
    this.#watchExpiries();
    this.#tell(names.filter((name) => JSON.stringify(former[name]) !== JSON.stringify(document.switches[name])));
  }

  #refuse(refusal) {
    if (this.#said.refusal?.err !== refusal.err) this.emit("warning", `refused ${refusal.observed}: ${refusal.err}`);
    this.#said = { held: this.#said.held, refusal };
  }

  #confirm(bytes) {
    if (this.#held.bytes.equals(bytes)) this.#held = { ...this.#held, src: "live" };
    this.#said = { held: this.#held };
  }

  /** Endures a listener that throws: a mistake of the service must not stop the following. */
  #tell(names) {
    try {
      this.emit("change", { revision: this.#held.document.revision, names });
    } catch (error) {
      this.emit("warning", `a listener failed: ${error.message}`);
    }
  }

  #watchExpiries() {
    clearTimeout(this.#timer);
    const pause = this.#held.switches.untilExpiry();
    if (pause === Infinity || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      const names = this.#held.switches.expire();
      if (names.length) this.#tell(names);
      this.#watchExpiries();
    }, Math.min(Math.max(pause, 1), EXPIRY_CHECK_MS));
  }

  #isStale() {
    if (this.#answeredAt === undefined) return true;
    const now = performance.now();
    const lost = this.#failingSince !== undefined && now - this.#failingSince >= STALE_AFTER_MS;
    return lost || now - this.#answeredAt >= SILENT_AFTER_MS;
  }

  async #pace() {
    const now = performance.now();
    this.#due = Math.max(this.#due + REFILL_MS, now - (BURST - 1) * REFILL_MS);
    if (this.#due > now) await this.#sleep(this.#due - now);
  }

  #sleep(milliseconds) {
    return sleep(milliseconds, undefined, { signal: this.#stopping.signal });
  }

  /** Reads the key; with an index after waiting for a change, and only on the connection that it is from. */
  #ask(index, stale = false) {
    const query = `${index ? `&index=${index}&wait=${WAIT_SECONDS}s` : ""}${stale ? "&stale" : ""}`;
    const url = new URL(`/v1/kv/${this.key.split("/").map(encodeURIComponent).join("/")}?raw${query}`, this.url);
    const headers = this.token ? { "X-Consul-Token": this.token } : {};
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      const request = this.http.get(url, { agent: this.agent, headers, signal }, (response) =>
        bodyOf(response).then((body) => resolve(conclude(response, body))).catch(reject),
      );
      request.on("socket", () => {
        if (index && !request.reusedSocket) request.destroy(new ConnectionReplaced("the connection is gone"));
      });
      request.on("error", reject);
    });
  }

  async #startFromFile() {
    try {
      const bytes = this.file && (await readFile(this.file));
      if (!bytes) return;
      const document = parse(bytes, this.service);
      this.#held = { document, bytes, switches: new Switches(document, this.region), src: "disk" };
      this.#said = { held: this.#held };
      this.#watchExpiries();
    } catch (error) {
      if (error.code !== "ENOENT") this.emit("warning", `${this.file} is of no use: ${error.message}`);
    }
  }

  /** Written beside the file, synced, renamed. A full disk does not hold a flip up. */
  async #keep(bytes) {
    if (!this.file) return;
    try {
      await mkdir(join(this.file, ".."), { recursive: true });
      const beside = await open(`${this.file}.tmp`, "w", 0o600);
      try {
        await beside.writeFile(bytes);
        await beside.sync();
      } finally {
        await beside.close();
      }
      await rename(`${this.file}.tmp`, this.file);
    } catch (error) {
      this.emit("warning", `in force, but not on disk: ${error.message}`);
    }
  }
}

async function bodyOf(response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    demand(size <= ANSWER_BYTES_MAX, `more than ${ANSWER_BYTES_MAX} bytes were answered`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function conclude({ statusCode, headers }, body) {
  if (statusCode === 500 && body.includes("No cluster leader")) throw new NoLeader("no leader");
  demand(statusCode === 200 || statusCode === 404, `HTTP ${statusCode}: ${body.toString("utf8", 0, 200)}`);
  const index = headers["x-consul-index"];
  demand(/^\d+$/.test(index ?? ""), `HTTP ${statusCode} without X-Consul-Index: this is not Consul`);
  return {
    index: Math.max(Number(index), 1),
    bytes: statusCode === 200 ? body : undefined,
    leader: headers["x-consul-knownleader"] !== "false",
  };
}

// ── run ──

async function main(key, region) {
  const [, prefix, service] = /^(.*)switches\/([^/]+)$/.exec(key) ?? [];
  if (service === undefined) {
    console.error("usage: node switches.mjs controlplane/switches/SERVICE [REGION]");
    process.exit(2);
  }
  const reader = new SwitchReader({ service, region, prefix, directory: process.env.READER_DIRECTORY });
  const print = () => console.log(JSON.stringify(reader.values())); // here a service acts
  reader.on("change", print);
  reader.on("warning", (sentence) => console.error(sentence));
  await reader.start();
  const { PORT } = process.env;
  if (PORT) {
    const answer = (_, response) => {
      response.setHeader("Controlplane-Applied", reader.appliedHeader());
      response.end(JSON.stringify(reader.values()));
    };
    http.createServer(answer).listen(Number(PORT), "127.0.0.1");
  }
  if (Object.keys(reader.values()).length) print();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main(...process.argv.slice(2));
