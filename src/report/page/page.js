"use strict";
(() => {
  const tip = document.getElementById("tip");

  // Without this script the browser shows the title of a mark as its tooltip; the script adds touch and keyboard.
  const tipOf = new WeakMap();
  for (const mark of document.querySelectorAll(".pt")) {
    const title = mark.querySelector("title");
    if (title) { tipOf.set(mark, title.textContent); title.remove(); }
  }
  let shown = null;
  const hide = () => { if (shown) shown.classList.remove("on"); shown = null; tip.classList.remove("on"); };
  const show = (mark) => {
    hide();
    shown = mark;
    mark.classList.add("on");
    tip.textContent = tipOf.get(mark);
    const at = mark.getBoundingClientRect(), box = tip.getBoundingClientRect();
    const x = Math.min(Math.max(4, at.x + at.width / 2 - box.width / 2), innerWidth - box.width - 4);
    const above = at.y - box.height - 8;
    tip.style.left = x + "px";
    tip.style.top = (above > 4 ? above : at.y + at.height + 8) + "px";
    tip.classList.add("on");
  };
  const over = (event) => {
    const mark = event.target.closest ? event.target.closest(".pt") : null;
    if (mark && tipOf.has(mark)) { if (mark !== shown) show(mark); } else if (shown) hide();
  };
  document.addEventListener("pointerover", over);
  document.addEventListener("pointerdown", over);
  document.addEventListener("scroll", hide, { passive: true, capture: true });

  for (const svg of document.querySelectorAll("figure svg")) {
    const marks = [...svg.querySelectorAll(".pt")];
    let at = -1;
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") { hide(); return; }
      if (!step || marks.length === 0) return;
      event.preventDefault();
      at = at < 0 ? (step > 0 ? 0 : marks.length - 1) : (at + step + marks.length) % marks.length;
      show(marks[at]);
    });
    svg.addEventListener("blur", hide);
  }

  const table = document.getElementById("table"), body = table.tBodies[0];
  const headings = [...table.tHead.rows[1].cells];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((h) => h.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      if (!heading.classList.contains("n")) return cell.textContent;
      return cell.dataset.v === undefined ? null : parseFloat(cell.dataset.v);
    };
    const missing = (v) => v === null || Number.isNaN(v) || v === "";
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      // Missing values come last in both directions.
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  }));

  const filter = document.getElementById("filter"), outcome = document.getElementById("outcome");
  const count = document.getElementById("count");
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of body.rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      const fits = words.every((word) => text.includes(word)) && (!outcome.value || row.dataset.outcome === outcome.value);
      row.hidden = !fits;
      left += fits;
    }
    count.textContent = `${left} of ${body.rows.length} runs`;
  };
  filter.addEventListener("input", apply);
  outcome.addEventListener("change", apply);
  apply();

  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
