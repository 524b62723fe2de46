// Narrows the rows of a table while somebody types. "/" goes to the field; Enter asks the server, for all pages.

const field = document.querySelector("[data-narrows]");
const table = document.getElementById(field.dataset.narrows);
const none = document.getElementById(`${field.dataset.narrows}-none`);
const asked = field.value;

function narrow() {
  const sought = field.value === asked ? "" : field.value.trim().toLowerCase();
  let shown = 0;
  for (const row of table.querySelectorAll("tbody tr")) {
    const fits = row.textContent.toLowerCase().includes(sought);
    if (row.hidden === fits) row.hidden = !fits;
    shown += fits;
  }
  none.hidden = !sought || shown > 0;
}

function isTyping(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

field.addEventListener("input", narrow);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  event.preventDefault();
  field.select();
});
// Rows that were brought up to date have forgotten what was narrowed.
new MutationObserver(narrow).observe(table, { subtree: true, childList: true, attributeFilter: ["hidden"] });
