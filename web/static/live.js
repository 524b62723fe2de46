// Keeps a page current: follows the events of the control plane and, when one concerns the page, asks for the page
// again and brings its parts in line. A part may name what it is drawn from, `data-on="group:checkout leader"`;
// one that names nothing is drawn from everything. Without this script the page stays as it is, with a link to
// reload it. Nothing happens while the tab is hidden or a person holds it.

import { align, parts } from "./parts.js";

const STREAM = "/api/v1/events";
const KINDS = [
  "document", "group", "confirmation", "health", "vantage", "restraint", "leader", "dependency", "registry", "alarm",
];
const FETCH_TIMEOUT_MS = 5_000;
const FETCHES_APART_MS = 150;
const REST_MS_MAX = 1_000; // after a fetch it rests as long as that took: who is slow is asked less often
const SILENCE_MS = 25_000; // it says something every 10 s
const SAID_APART_MS = 2_000;
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 10_000;

const live = document.getElementById("live");
const said = document.getElementById("said");
const button = document.getElementById("hold");
const reload = document.getElementById("reload");

let source = null;
let place = null; // id of the last event: where to go on
let isStale = false; // an event came, the page for it did not
let isHeld = false;
let hasEnded = false;
let failures = 0;
let silence, retry;

const isFollowing = () => !isHeld && !hasEnded && !document.hidden;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the stream

function open() {
  close();
  if (!isFollowing()) return;
  const query = new URLSearchParams(kindsOfPage().map((kind) => ["kinds", kind]));
  if (place) query.append("after", place);
  source = new EventSource(`${STREAM}?${query}`);
  source.addEventListener("open", opened);
  source.addEventListener("error", lost);
  for (const kind of [...KINDS, "reset", "beat"]) source.addEventListener(kind, hear);
}

function close() {
  clearTimeout(silence);
  clearTimeout(retry);
  source?.close();
  source = null;
}

function opened() {
  listen();
  show("live");
  if (!place || isStale) refresh();
}

function listen() {
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE_MS);
}

function hear({ type, data, lastEventId }) {
  listen();
  failures = 0;
  place = lastEventId || place;
  const told = JSON.parse(data);
  if (type === "beat") date(told.as_of);
  else if (type === "reset" || concerns(type, told.name)) refresh();
}

// Asks for the page, too: it may say that nobody is logged in any more, which a stream cannot.
function lost() {
  close();
  if (!isFollowing()) return;
  show("silent");
  isStale = true;
  if (!isFetching) refresh();
  const bound = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** failures++);
  retry = setTimeout(open, RETRY_BASE_MS + Math.random() * (bound - RETRY_BASE_MS));
}

// ---- what concerns the page

const topics = () => parts(document).map((part) => part.dataset.on?.split(" ").filter(Boolean));

function kindsOfPage() {
  const named = topics();
  if (named.includes(undefined)) return KINDS;
  const kinds = new Set(named.flat().map((topic) => topic.split(":")[0]));
  return KINDS.filter((kind) => kinds.has(kind));
}

function concerns(kind, name) {
  return topics().some((named) => !named || named.includes(kind) || named.includes(`${kind}:${name}`));
}

// ---- the page

let isWanted = false;
let isFetching = false;

async function refresh() {
  isWanted = true;
  if (isFetching) return;
  isFetching = true;
  while (isWanted && isFollowing()) {
    isWanted = false;
    const started = performance.now();
    try {
      await load();
      isStale = false;
    } catch {
      isStale = true;
      if (source) lost();
    }
    const took = performance.now() - started;
    await pause(Math.max(FETCHES_APART_MS, Math.min(took, REST_MS_MAX)));
  }
  isFetching = false;
}

async function load() {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal });
  if (answer.type === "opaqueredirect" || answer.status === 401) return end("ended");
  if (answer.status === 404 || answer.status === 405) return end(""); // what was shown is gone, or an answer to a form
  if (!answer.ok && answer.status !== 422) throw new Error(String(answer.status)); // 422: a form with a mistake in it
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!isFollowing()) return;
  for (const part of align(page)) if ("say" in part.dataset) say(part.textContent);
  if (document.title !== page.title) document.title = page.title;
}

// Nothing changed until now: the page is as true as if it had just been loaded.
function date(asOf) {
  const shown = document.querySelector("#as-of time");
  if (!shown || isStale || isFetching) return;
  shown.dateTime = asOf;
  shown.textContent = asOf.slice(11, 19);
}

// ---- what a person sees, hears and does

function show(state) {
  if (live.className === state) return;
  const wasTold = live.className;
  live.className = state;
  live.textContent = live.dataset[state] ?? "";
  reload.hidden = state === "live";
  if (wasTold) say(live.textContent);
}

function end(state) {
  hasEnded = true;
  close();
  show(state);
  button.hidden = true;
}

let sentence = "";
let isSaying = false;

async function say(text) {
  sentence = text.trim().replace(/\s+/g, " ");
  if (isSaying) return;
  isSaying = true;
  while (sentence) {
    said.textContent = sentence;
    sentence = "";
    await pause(SAID_APART_MS);
  }
  isSaying = false;
}

function turn() {
  place = null;
  if (isFollowing()) open();
  else close();
}

if (live && "EventSource" in window) {
  button.addEventListener("click", () => {
    isHeld = !isHeld;
    button.textContent = isHeld ? button.dataset.follow : button.dataset.hold;
    show(isHeld ? "held" : "silent");
    turn();
  });
  document.addEventListener("visibilitychange", turn);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", ({ persisted }) => persisted && turn());
  button.hidden = false;
  open();
}
