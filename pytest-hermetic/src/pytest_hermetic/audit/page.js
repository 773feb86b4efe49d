"use strict";
// Show the tests whose verdict is ticked and whose text holds every word that was typed.
const form = document.querySelector(".filter");
const rows = [...document.querySelectorAll(".tests > li")].map((row) => ({
  row, verdict: row.dataset.verdict, text: row.textContent.toLowerCase(),
}));
function show() {
  const words = form.elements.text.value.toLowerCase().split(/\s+/);
  const ticked = new Set([...form.querySelectorAll("input:checked")].map((box) => box.value));
  let shown = 0;
  for (const { row, verdict, text } of rows) {
    row.hidden = !(ticked.has(verdict) && words.every((word) => text.includes(word)));
    shown += row.hidden ? 0 : 1;
  }
  form.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
}
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
show();
