// Keeps the status page current: asks for the page again and swaps the parts that changed.
// Stops while the tab is hidden or a person stops it; without it the page stays as it is, with a link to reload.

const INTERVAL_MS = 2000;
const TIMEOUT_MS = 5000;

const live = document.getElementById("live");
const button = document.getElementById("hold");
const { hold, follow } = button.dataset;
const { held: heldText, silent: silentText } = live.dataset;

let held = false;
let timer;

// Parts hold nothing that takes the focus, so that swapping one never moves it.
function show(page) {
  for (const fresh of page.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(fresh.id);
    if (shown && shown.innerHTML !== fresh.innerHTML) {
      shown.replaceChildren(...fresh.childNodes);
    }
  }
  document.title = page.title;
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    live.textContent = "";
  } catch {
    live.textContent = silentText;
  }
}

async function turn() {
  clearTimeout(timer);
  if (held || document.hidden) return;
  await refresh();
  clearTimeout(timer);
  if (!held && !document.hidden) timer = setTimeout(turn, INTERVAL_MS);
}

button.addEventListener("click", () => {
  held = !held;
  button.textContent = held ? follow : hold;
  live.textContent = held ? heldText : "";
  turn();
});
document.addEventListener("visibilitychange", turn);

button.hidden = false;
document.getElementById("reload").hidden = true;
timer = setTimeout(turn, INTERVAL_MS);
