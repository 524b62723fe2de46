// Brings the parts of a page in line with what the server sends, in place: whatever has the focus or a caret, was
// scrolled or unfolded, stays as it is. A part is an element with `data-part` and an id.

const KEPT = new Set(["open", "tabindex"]); // what a person unfolded, and a part that was given the focus
const FIELDS = "input, textarea, select";

const served = new Map(); // id of a part → the part as the server sent it last

export const parts = (page) => [...page.querySelectorAll("[data-part]")];

for (const part of parts(document)) served.set(part.id, part.outerHTML);

// Answers the parts that changed. One in which somebody is filling in a form is left alone until they are done.
export function align(page) {
  const changed = [];
  for (const fresh of parts(page)) {
    const shown = document.getElementById(fresh.id);
    const html = fresh.outerHTML;
    if (!shown || served.get(fresh.id) === html || isBeingEdited(shown)) continue;
    served.set(fresh.id, html);
    keepingFocus(shown, () => alignElement(shown, fresh));
    changed.push(shown);
  }
  return changed;
}

function isBeingEdited(part) {
  return [...part.querySelectorAll(FIELDS)].some(isEdited);
}

function isEdited(field) {
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    return options.length > 0 && field.selectedOptions[0] !== (options.find((one) => one.defaultSelected) ?? options[0]);
  }
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

// Where the focused element itself is gone, the part takes the focus: else the keyboard would start at the top.
function keepingFocus(part, change) {
  const focused = document.activeElement;
  const wasInside = part.contains(focused);
  change();
  if (wasInside && !focused.isConnected) {
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }
}

function alignElement(shown, fresh) {
  alignAttributes(shown, fresh);
  let child = shown.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const match = find(child, wanted);
    if (!match) {
      shown.insertBefore(document.importNode(wanted, true), child);
      continue;
    }
    while (child !== match) child = removed(child);
    child = match.nextSibling;
    if (match.nodeType === Node.ELEMENT_NODE) alignElement(match, wanted);
    else if (match.data !== wanted.data) match.data = wanted.data;
  }
  while (child) child = removed(child);
}

function alignAttributes(shown, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (!KEPT.has(name) && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  for (const { name } of [...shown.attributes]) {
    if (!KEPT.has(name) && !fresh.hasAttribute(name)) shown.removeAttribute(name);
  }
}

// The node that becomes the wanted one: by its id or `data-key` wherever it stands now, else the next of its name.
function find(child, wanted) {
  const key = keyOf(wanted);
  for (let node = child; node; node = node.nextSibling) {
    if (node.nodeName === wanted.nodeName && keyOf(node) === key) return node;
    if (!key && (keyOf(node) || wanted.nodeType !== Node.ELEMENT_NODE)) return null;
  }
  return null;
}

const keyOf = (node) => node.id || node.dataset?.key || "";

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
